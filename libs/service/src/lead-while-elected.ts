import { setTimeout as wait } from 'node:timers/promises';
import { hasCode } from '@longshore/core';
import {
  electLeader,
  renewLeadership,
  resignLeadership,
  type LeaderLease,
  type LeaseName,
  type Store,
} from '@longshore/store';
import { counterOf, type Logger } from '@longshore/telemetry';
import type { Registry } from 'prom-client';

export interface LeaderOptions {
  readonly name: LeaseName;
  /** This process, unique among the replicas. */
  readonly holder: string;
  readonly store: Store;
  readonly logger: Logger;
  readonly metrics: Registry;
  /** How long the lease lasts without a renewal, in milliseconds. */
  readonly ttlMs: number;
  /** Does the leader's work until the signal is aborted: the lease was lost, or the service is being stopped. */
  readonly lead: (lease: LeaderLease, signal: AbortSignal) => Promise<void>;
  /** Stops leading and standing by. The lease is given up at once, so that a standby takes over. */
  readonly signal: AbortSignal;
  readonly onChange?: (isLeader: boolean) => void;
}

/** Renewals per lease time: two may fail before the lease is lost. */
const RENEWALS_PER_TTL = 3;

/** Stands by until elected, leads while the lease holds, and stands by again. Resolves after the signal was aborted. */
export async function leadWhileElected(options: LeaderOptions): Promise<void> {
  const { signal, logger } = options;
  const pauseMs = options.ttlMs / RENEWALS_PER_TTL;
  while (!signal.aborted) {
    try {
      const lease = await electLeader(options.store.db, options.name, options.holder, options.ttlMs);
      // A term that ended by itself is followed by a pause too: others may do better, and a broken one is not hammered.
      if (lease !== null) await leadOnce(options, lease);
    } catch (error) {
      logger.warn({ error }, 'election failed, standing by');
    }
    await wait(pauseMs, undefined, { signal }).catch(() => undefined);
  }
}

async function leadOnce(options: LeaderOptions, lease: LeaderLease): Promise<void> {
  const { logger } = options;
  const term = new AbortController();
  const stop = AbortSignal.any([term.signal, options.signal]);
  logger.info({ epoch: lease.epoch }, `leading ${options.name}`);
  options.onChange?.(true);
  const renewing = renewUntilLost(options, lease, stop).finally(() => term.abort());
  try {
    await options.lead(lease, stop);
  } catch (error) {
    if (!hasCode(error, 'LEADER_LOST')) logger.error({ error }, 'leading failed');
  } finally {
    term.abort();
    await renewing;
    options.onChange?.(false);
    await resignLeadership(options.store.db, lease).catch((error: unknown) => {
      logger.warn({ error }, 'could not release the lease; it will run out');
    });
    logger.info({ epoch: lease.epoch }, `no longer leading ${options.name}`);
  }
}

/** Resolves when the lease was lost, or has run out by our own monotonic clock while nobody could renew it. */
async function renewUntilLost(options: LeaderOptions, lease: LeaderLease, signal: AbortSignal): Promise<void> {
  const { ttlMs, logger } = options;
  let endsAt = performance.now() + ttlMs;
  while (!signal.aborted) {
    await wait(ttlMs / RENEWALS_PER_TTL, undefined, { signal }).catch(() => undefined);
    if (isAborted(signal)) return;
    const before = performance.now();
    const outcome = await renewWithin(options, lease, endsAt - before, signal);
    if (outcome === 'renewed') endsAt = before + ttlMs;
    if (outcome === 'lost') {
      counterOf(options.metrics, 'leaseLosses').inc({ lease: options.name });
      logger.warn({ epoch: lease.epoch }, 'the lease was lost');
      return;
    }
    // Others may lead now. The fences keep us harmless anyway.
    if (performance.now() >= endsAt) {
      counterOf(options.metrics, 'leaseLosses').inc({ lease: options.name });
      logger.warn({ epoch: lease.epoch }, 'the lease ran out before it could be renewed');
      return;
    }
  }
}

/** One renewal, waited for as long as the lease lasts: a statement that hangs must not keep a leader leading. */
async function renewWithin(
  options: LeaderOptions,
  lease: LeaderLease,
  leftMs: number,
  signal: AbortSignal,
): Promise<'renewed' | 'lost' | 'failed'> {
  const over = new AbortController();
  const patience = wait(Math.max(0, leftMs), undefined, { signal: AbortSignal.any([over.signal, signal]) });
  const late = patience.then(
    () => 'failed' as const,
    () => 'failed' as const,
  );
  const renewal = renewLeadership(options.store.db, lease, options.ttlMs).then(
    (isHeld) => (isHeld ? 'renewed' : 'lost'),
    (error: unknown) => {
      options.logger.warn({ error }, 'could not renew the lease');
      return 'failed' as const;
    },
  );
  try {
    return await Promise.race([renewal, late]);
  } finally {
    over.abort();
  }
}

/** Read through a call, because the compiler believes that `aborted` can't change within a function. */
function isAborted(signal: AbortSignal): boolean {
  return signal.aborted;
}
