import { loggedRounds, startLoop, type ConfigOf, type ServiceContext, type WakeableLoop } from '@longshore/service';
import { removeGoneNodes, type LeaderLease } from '@longshore/store';
import type { NODE_MANAGER_OPTIONS } from './node-manager-options.ts';

type Context = Pick<ServiceContext<ConfigOf<typeof NODE_MANAGER_OPTIONS>>, 'store' | 'logger' | 'config'>;

/** A look each this part of the retention, and at least once an hour. */
const LOOKS_PER_RETENTION = 24;
const LONGEST_PAUSE_MS = 3_600_000;

/** Removes nodes that have been gone for longer than the retention, until the lease is lost. */
export function removeNodes({ store, logger, config }: Context, lease: LeaderLease, signal: AbortSignal): WakeableLoop {
  const retentionMs = config.nodeRetentionMinutes * 60_000;
  let after: string | null = null;
  return startLoop({
    intervalMs: Math.min(LONGEST_PAUSE_MS, retentionMs / LOOKS_PER_RETENTION),
    signal,
    ...loggedRounds(logger, 'removing nodes that are long gone', async () => {
      const { removed, next } = await removeGoneNodes(store.db, lease, retentionMs, after);
      if (removed > 0) logger.info({ removed }, 'removed nodes that are long gone');
      after = next;
      return next !== null;
    }),
  });
}
