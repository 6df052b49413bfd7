import { startLoop, type ConfigOf, type ServiceContext } from '@longshore/service';
import { extendAllLeases, fenceExpiredNodes, readClusterId, sweepOrphans, type LeaderLease } from '@longshore/store';
import { counterOf } from '@longshore/telemetry';
import type { NODE_MANAGER_OPTIONS } from './node-manager-options.ts';
import { traceLostAttempts } from './trace-lost-attempts.ts';

type Context = ServiceContext<ConfigOf<typeof NODE_MANAGER_OPTIONS>>;

/**
 * A gap between two rounds is an outage when it is this part of a lease longer than the pause: in it nobody could have renewed either, and
 * nodes get a fresh lease. They renew three times per lease. So with the renewals that fell out right before and after it, a shorter gap
 * still ends within lease and margin; at half a lease, nodes were declared dead that had been away for no longer than we.
 */
const OUTAGE_PART = 1 / 3;

/** The leading node-manager's work, until the lease is lost: it finds dead nodes and frees their subtasks. */
export async function watchNodes(context: Context, lease: LeaderLease, signal: AbortSignal): Promise<void> {
  const { store, bus, logger, config, telemetry } = context;
  const freedCounter = counterOf(context.metrics, 'freedSubtasks');
  let cluster: string | null = null;
  const clusterId = async (): Promise<string> => (cluster ??= await readClusterId(store.db));
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
      if (freed.length > 0) {
        for (const { taskType } of freed) freedCounter.inc({ type: taskType });
        logger.info({ freed: freed.length }, 'freed subtasks of lost holders');
        if (telemetry.tracing !== null) traceLostAttempts(telemetry.tracing, await clusterId(), freed);
      }
      if (fenced.length > 0 || freed.length > 0) {
        bus.publish(bus.subjects.wakeBalancer, { reason: 'nodes lost' });
        bus.publish(bus.subjects.wakeOwner, { reason: 'nodes lost' });
      }
      lastRoundAt = performance.now();
      return false;
    },
  });
  await loop.done;
}
