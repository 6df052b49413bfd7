import { startLoop, type ConfigOf, type ServiceContext } from '@longshore/service';
import { extendAllLeases, fenceExpiredNodes, sweepOrphans, type LeaderLease } from '@longshore/store';
import type { NODE_MANAGER_OPTIONS } from './node-manager-options.ts';

type Context = ServiceContext<ConfigOf<typeof NODE_MANAGER_OPTIONS>>;

/**
 * A gap between two rounds is an outage when it is this part of a lease longer than the pause: in it nobody could have renewed either, and
 * nodes get a fresh lease. They renew three times per lease. So with the renewals that fell out right before and after it, a shorter gap
 * still ends within lease and margin; at half a lease, nodes were declared dead that had been away for no longer than we.
 */
const OUTAGE_PART = 1 / 3;

/** The leading node-manager's work, until the lease is lost: who is alive, and what the others held. */
export async function watchNodes(context: Context, lease: LeaderLease, signal: AbortSignal): Promise<void> {
  const { store, bus, logger, config } = context;
  let lastRoundAt: number | null = null;
  const loop = startLoop({
    intervalMs: config.pollMs,
    signal,
    onError: (error) => logger.warn({ error }, 'watching nodes failed'),
    round: async () => {
      const now = performance.now();
      const longestGapMs = config.pollMs + config.nodeLeaseTtlMs * OUTAGE_PART;
      const wasAway = lastRoundAt === null || now - lastRoundAt > longestGapMs;
      if (wasAway) await extendAllLeases(store.db, lease, config.nodeLeaseTtlMs);
      const fenced = await fenceExpiredNodes(store.db, lease, config.leaseMarginMs);
      for (const node of fenced) logger.warn({ node }, 'node declared dead: its lease has run out');
      const freed = await sweepOrphans(store.db, lease);
      if (freed > 0) logger.info({ freed }, 'freed subtasks of lost holders');
      if (fenced.length > 0 || freed > 0) {
        bus.publish(bus.subjects.wakeBalancer, { reason: 'nodes lost' });
        bus.publish(bus.subjects.wakeOwner, { reason: 'nodes lost' });
      }
      lastRoundAt = performance.now();
      return false;
    },
  });
  await loop.done;
}
