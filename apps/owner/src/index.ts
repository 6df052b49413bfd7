import { leadWhileElected, type ServiceDefinition } from '@longshore/service';
import { apiHandlers } from './api/handlers.ts';
import { leadOwner } from './scheduling/lead-owner.ts';
import { OWNER_OPTIONS } from './owner-options.ts';

/** The owner: every replica answers the API; the leading one admits tasks and moves them through their states. */
export const ownerService: ServiceDefinition<typeof OWNER_OPTIONS> = {
  name: 'owner',
  description: 'Answers the API, admits tasks in rank order and moves them through their states.',
  options: OWNER_OPTIONS,
  start: (context) => {
    const { config, store, bus, logger, telemetry } = context;
    const stopping = new AbortController();
    /** Wakes the leader if it is this process: saves the way over NATS. */
    let wakeHere: (() => void) | null = null;
    const wakeLeader = (): void => {
      if (wakeHere === null) bus.publish(bus.subjects.wakeOwner, {});
      else wakeHere();
    };
    const wakeBy = (wake: () => void): (() => void) => {
      wakeHere = wake;
      return () => {
        // A lost term may end late, when this process leads again.
        if (wakeHere === wake) wakeHere = null;
      };
    };
    const answering = bus.answer(
      apiHandlers({
        store,
        bus,
        instance: config.instance,
        logger,
        tracing: telemetry.tracing,
        metrics: context.metrics,
        wakeLeader,
        maxScheduledTasks: config.maxScheduledTasks,
      }),
      { atOnce: config.maxRequests },
    );
    const leading = leadWhileElected({
      name: 'owner',
      holder: config.instance,
      store,
      logger,
      metrics: context.metrics,
      ttlMs: config.leaderTtlMs,
      lead: (lease, signal) => leadOwner(context, lease, signal, wakeBy),
      signal: stopping.signal,
    });
    return Promise.resolve({
      stop: async () => {
        answering.close();
        stopping.abort();
        await leading;
      },
    });
  },
};
