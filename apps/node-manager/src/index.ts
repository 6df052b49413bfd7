import { duringStart, leadWhileElected, type ServiceDefinition } from '@longshore/service';
import { agreeOnLease } from '@longshore/store';
import { NODE_MANAGER_OPTIONS } from './node-manager-options.ts';
import { watchNodes } from './watch-nodes.ts';

/** The node-manager: declares a node dead when its lease has ended, and frees its subtasks. */
export const nodeManagerService: ServiceDefinition<typeof NODE_MANAGER_OPTIONS> = {
  name: 'node-manager',
  description: 'Watches node leases: declares nodes dead and frees their subtasks.',
  options: NODE_MANAGER_OPTIONS,
  start: async (context) => {
    const { config, store, logger } = context;
    const nodeLease = await duringStart(context, 'the settings of the cluster', () =>
      agreeOnLease(store.db, { ttlMs: config.nodeLeaseTtlMs, marginMs: config.leaseMarginMs }),
    );
    const stopping = new AbortController();
    const leading = leadWhileElected({
      name: 'node-manager',
      holder: config.instance,
      store,
      logger,
      metrics: context.metrics,
      ttlMs: config.leaderTtlMs,
      lead: (lease, signal) => watchNodes(context, nodeLease, lease, signal),
      signal: stopping.signal,
    });
    return {
      stop: async () => {
        stopping.abort();
        await leading;
      },
    };
  },
};
