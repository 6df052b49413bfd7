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
import type { Logger } from '@longshore/telemetry';

export interface LeaderOptions {
  readonly name: LeaseName;
  /** This process, unique among the replicas. */
  readonly holder: string;
  readonly store: Store;
  readonly logger: Logger;
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
      if (lease !== null) {
        await leadOnce(options, lease);
        continue;
      }
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
      logger.warn({ error }, 'could not give up the lease; it runs out by itself');
    });
    logger.info({ epoch: lease.epoch }, `no longer leading ${options.name}`);
  }
}

async function renewUntilLost(options: LeaderOptions, lease: LeaderLease, signal: AbortSignal): Promise<void> {
  const pauseMs = options.ttlMs / RENEWALS_PER_TTL;
  let renewedAt = performance.now();
  while (!signal.aborted) {
    await wait(pauseMs, undefined, { signal }).catch(() => undefined);
    if (isAborted(signal)) return;
    try {
      const before = performance.now();
      if (!(await renewLeadership(options.store.db, lease, options.ttlMs))) {
        options.logger.warn({ epoch: lease.epoch }, 'the lease was lost');
        return;
      }
      renewedAt = before;
    } catch (error) {
      options.logger.warn({ error }, 'could not renew the lease');
      // By our own monotonic clock the lease has run out: others may lead now. The fences keep us harmless anyway.
      if (performance.now() - renewedAt > options.ttlMs) return;
    }
  }
}

/** Read through a call, because the compiler believes that `aborted` can't change within a function. */
function isAborted(signal: AbortSignal): boolean {
  return signal.aborted;
}
