import {
  leadWhileElected,
  startLoop,
  type ConfigOf,
  type ServiceContext,
  type ServiceDefinition,
} from '@longshore/service';
import { extendAllLeases, fenceExpiredNodes, sweepOrphans, type LeaderLease } from '@longshore/store';
import { NODE_MANAGER_OPTIONS } from './node-manager-options.ts';

type Context = ServiceContext<ConfigOf<typeof NODE_MANAGER_OPTIONS>>;

/** The node-manager: declares nodes dead whose leases ended, and frees what they held. */
export const nodeManagerService: ServiceDefinition<typeof NODE_MANAGER_OPTIONS> = {
  name: 'node-manager',
  description: 'Watches node leases: declares nodes dead, and frees the subtasks that they held.',
  options: NODE_MANAGER_OPTIONS,
  start: (context) => {
    const { config, store, logger } = context;
    const stopping = new AbortController();
    const leading = leadWhileElected({
      name: 'node-manager',
      holder: config.instance,
      store,
      logger,
      ttlMs: config.leaderTtlMs,
      lead: (lease, signal) => watchNodes(context, lease, signal),
      signal: stopping.signal,
    });
    return Promise.resolve({
      stop: async () => {
        stopping.abort();
        await leading;
      },
    });
  },
};

/** A gap between two rounds from which on nodes get a fresh lease: in it nobody could have been watched, or have renewed. */
const OUTAGE_ROUNDS = 4;

async function watchNodes(context: Context, lease: LeaderLease, signal: AbortSignal): Promise<void> {
  const { store, bus, logger, config } = context;
  let lastRoundAt: number | null = null;
  const loop = startLoop({
    intervalMs: config.pollMs,
    signal,
    onError: (error) => logger.warn({ error }, 'watching nodes failed'),
    round: async () => {
      const now = performance.now();
      const wasAway =
        lastRoundAt === null || now - lastRoundAt > OUTAGE_ROUNDS * config.pollMs + config.nodeLeaseTtlMs / 2;
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
