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
import { counterOf, gaugeOf, type Logger } from '@longshore/telemetry';
import type { Registry } from 'prom-client';
import { FailureLog } from './failure-log.ts';

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

/**
 * Stands by until elected, leads while the lease holds, and stands by again. Resolves after the signal was aborted and all that was led is over.
 *
 * Who can't prove its lease leads no more, whatever its work still waits for: what that writes late is fenced by the lease's epoch.
 */
export async function leadWhileElected(options: LeaderOptions): Promise<void> {
  const { signal, logger, ttlMs } = options;
  const pauseMs = ttlMs / RENEWALS_PER_TTL;
  const leases = options.store.openForLease(ttlMs);
  const terms = new Set<Promise<void>>();
  const electing = new FailureLog(logger, `the election of the leading ${options.name}`);
  // There from the start, so that an alert can count leaders.
  showLeading(options, false);
  try {
    while (!signal.aborted) {
      try {
        const lease = await electLeader(leases.db, options.name, options.holder, ttlMs);
        electing.worked();
        // A term that ended by itself is followed by a pause too: others may do better, and a broken one is not hammered.
        if (lease !== null) await leadOnce(options, leases, lease, terms);
      } catch (error) {
        electing.failed(error);
      }
      await wait(pauseMs, undefined, { signal }).catch(() => undefined);
    }
    await Promise.all(terms);
  } finally {
    await leases.close();
  }
}

/** @param terms keeps what a lost term still does. */
async function leadOnce(
  options: LeaderOptions,
  leases: Store,
  lease: LeaderLease,
  terms: Set<Promise<void>>,
): Promise<void> {
  const { logger } = options;
  const term = new AbortController();
  const stop = AbortSignal.any([term.signal, options.signal]);
  logger.info({ epoch: lease.epoch }, `leading ${options.name}`);
  showLeading(options, true);
  options.onChange?.(true);
  const renewing = renewUntilLost(options, leases, lease, stop).finally(() => term.abort());
  const leading = options.lead(lease, stop).catch((error: unknown) => {
    if (!hasCode(error, 'LEADER_LOST')) logger.error({ error }, 'leading failed');
  });
  terms.add(leading);
  const over = leading.then(() => {
    terms.delete(leading);
    return 'over' as const;
  });
  const outcome = await Promise.race([over, lostOf(renewing)]);
  term.abort();
  showLeading(options, false);
  options.onChange?.(false);
  if (outcome === 'over') {
    await renewing;
    await resignLeadership(leases.db, lease).catch((error: unknown) => {
      logger.warn({ error }, 'could not release the lease; it will run out');
    });
  }
  logger.info({ epoch: lease.epoch }, `no longer leading ${options.name}`);
}

function showLeading({ metrics, name }: LeaderOptions, isLeading: boolean): void {
  gaugeOf(metrics, 'leader').set({ lease: name }, isLeading ? 1 : 0);
}

/** Resolves if the lease is lost, and never if renewing ends for another reason. */
async function lostOf(renewing: Promise<'lost' | 'stopped'>): Promise<'lost'> {
  const end = await renewing;
  return end === 'lost' ? end : new Promise(() => undefined);
}

/**
 * Renews until the lease was lost, or has run out by our own monotonic clock while nobody could renew it. A renewal that took longer than the pause
 * is followed by the next one at once.
 *
 * @returns whether the lease is lost, or renewing was stopped by the signal.
 */
async function renewUntilLost(
  options: LeaderOptions,
  leases: Store,
  lease: LeaderLease,
  signal: AbortSignal,
): Promise<'lost' | 'stopped'> {
  const { ttlMs, logger } = options;
  const renewing = new FailureLog(logger, 'the renewal of the lease');
  let endsAt = performance.now() + ttlMs;
  let nextAt = performance.now();
  for (;;) {
    nextAt += ttlMs / RENEWALS_PER_TTL;
    await wait(Math.max(0, nextAt - performance.now()), undefined, { signal }).catch(() => undefined);
    if (signal.aborted) return 'stopped';
    const before = performance.now();
    nextAt = before;
    const renew = (): Promise<boolean> => renewLeadership(leases.db, lease, ttlMs);
    const outcome = await renewWithin(renew, endsAt - before, renewing, signal);
    if (outcome === 'renewed') endsAt = before + ttlMs;
    if (outcome === 'lost') {
      counterOf(options.metrics, 'leaseLosses').inc({ lease: options.name });
      logger.warn({ epoch: lease.epoch }, 'the lease was lost');
      return 'lost';
    }
    // Others may lead now. The fences keep us harmless anyway.
    if (performance.now() >= endsAt) {
      counterOf(options.metrics, 'leaseLosses').inc({ lease: options.name });
      logger.warn({ epoch: lease.epoch }, 'the lease ran out before it could be renewed');
      return 'lost';
    }
  }
}

/** One renewal, waited for as long as the lease lasts: a statement that hangs must not keep a leader leading. */
async function renewWithin(
  renew: () => Promise<boolean>,
  leftMs: number,
  renewing: FailureLog,
  signal: AbortSignal,
): Promise<'renewed' | 'lost' | 'failed'> {
  const over = new AbortController();
  const patience = wait(Math.max(0, leftMs), undefined, { signal: AbortSignal.any([over.signal, signal]) });
  const late = patience.then(
    () => 'failed' as const,
    () => 'failed' as const,
  );
  const renewal = renew().then(
    (isHeld) => {
      renewing.worked();
      return isHeld ? 'renewed' : 'lost';
    },
    (error: unknown) => {
      renewing.failed(error);
      return 'failed' as const;
    },
  );
  try {
    return await Promise.race([renewal, late]);
  } finally {
    over.abort();
  }
}
