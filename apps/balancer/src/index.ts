import { LEADER_OPTIONS, leadWhileElected, type ServiceDefinition } from '@longshore/service';
import { keepBalance } from './keep-balance.ts';

/** The balancer: moves pending subtasks off nodes that are gone, and to nodes that have nothing left. */
export const balancerService: ServiceDefinition<typeof LEADER_OPTIONS> = {
  name: 'balancer',
  description: 'Moves pending subtasks: off dead and drained nodes first, then to an even spread.',
  options: LEADER_OPTIONS,
  start: (context) => {
    const { config, store, logger } = context;
    const stopping = new AbortController();
    const leading = leadWhileElected({
      name: 'balancer',
      holder: config.instance,
      store,
      logger,
      metrics: context.metrics,
      ttlMs: config.leaderTtlMs,
      lead: (lease, signal) => keepBalance(context, lease, signal),
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
