import { leaseEnding } from '@longshore/core';
import { duringStart, startLoop, type ServiceDefinition } from '@longshore/service';
import { agreeOnLease, readClusterId } from '@longshore/store';
import { NodeGuard } from './guard/node-guard.ts';
import { AttemptSpans } from './hosting/attempt-spans.ts';
import { cleanLedgers } from './node/clean-ledgers.ts';
import { Executor } from './node/executor.ts';
import { ExecutorMetrics } from './node/executor-metrics.ts';
import { readBootId } from './node/boot-id.ts';
import { announceType } from './node/announce-type.ts';
import { EXECUTOR_OPTIONS, readConnections, readGateConnections } from './node/executor-options.ts';
import { Membership } from './node/membership.ts';
import { resolvePlugin } from './hosting/resolve-plugin.ts';
import { RunnerPool } from './hosting/runner-pool.ts';

/** How long a stopping executor waits for what it runs, in milliseconds; below the chassis' own limit. */
const DRAIN_LIMIT_MS = 20_000;
/** How often targets are looked through for what forgotten tasks have left, in milliseconds. */
const CLEAN_LEDGERS_MS = 3_600_000;

/** The executor: offers the task types that it loaded, claims subtasks of its node, and runs them. */
export const executorService: ServiceDefinition<typeof EXECUTOR_OPTIONS> = {
  name: 'executor',
  description: 'Runs subtasks: claims those of its node, runs them in worker threads, reports how they end.',
  options: EXECUTOR_OPTIONS,
  start: async (context) => {
    const { config, store, bus, telemetry } = context;
    const logger = context.logger.child({ node: config.nodeId });
    const connections = readConnections(process.env);
    const clusterId = await readClusterId(store.db);
    const starting = { logger, signal: context.signal };
    const lease = await duringStart(starting, 'the settings of the cluster', () =>
      agreeOnLease(store.db, { ttlMs: config.leaseTtlMs, marginMs: config.leaseMarginMs }),
    );
    const ending = leaseEnding(lease, config.abortGraceMs);
    const guard = new NodeGuard({ databaseUrl: config.databaseUrl, logger });
    const pool = new RunnerPool({
      nodeId: config.nodeId,
      clusterId,
      connections,
      gateConnections: readGateConnections(process.env),
      settings: config.pluginSettings,
      slotMemoryBytes: config.slotMemoryMb * 1024 * 1024,
      fenceGraceMs: config.fenceGraceMs,
      isTracing: telemetry.tracing !== null,
      watch: guard.watch,
      logger,
    });
    for (const name of config.plugins) await pool.load(name, resolvePlugin(name, process.cwd()));
    for (const type of pool.types) {
      await duringStart(starting, `the row of ${type.type}@${type.version}`, () =>
        announceType(store.db, type, config.mode, logger),
      );
    }
    const metrics = new ExecutorMetrics(context.metrics);
    let executor: Executor | null = null;
    const leaving = new AbortController();
    const membership = await Membership.join({
      store,
      logger,
      registration: {
        id: config.nodeId,
        scope: config.scope,
        labels: config.labels,
        slots: config.slots,
        types: pool.types.map(({ type, version }) => ({ type, version })),
        host: config.host,
        pid: process.pid,
        bootId: readBootId(),
        leaseTtlMs: lease.ttlMs,
        agreed: lease,
      },
      signal: leaving.signal,
      onRenewed: (node, endsAt) => {
        guard.leaseRenewed(node, endsAt, ending.killMs);
        executor?.leaseRenewed(endsAt);
      },
      onFenced: () => {
        metrics.leaseLost();
        executor?.loseLease('all');
      },
      onLeaseOverdue: () => executor?.loseLease('non-idempotent'),
      onReplaced: (error) => {
        executor?.loseLease('all');
        context.fail(error);
      },
    });
    const running = new Executor(
      { ...context, logger },
      membership,
      pool,
      new AttemptSpans(telemetry.tracing, clusterId),
      metrics,
      guard,
      ending,
    );
    executor = running;
    running.leaseRenewed(membership.leaseEndsAt);
    const cleaning = startLoop({
      intervalMs: CLEAN_LEDGERS_MS,
      signal: leaving.signal,
      onError: (error) => logger.warn({ error }, 'a ledger could not be cleaned up'),
      round: async () => {
        for (const [name, url] of Object.entries(connections)) {
          // One target that can't be cleaned up keeps no other from it.
          const tasks = await cleanLedgers(store.db, clusterId, url).catch((error: unknown) => {
            logger.warn({ error, connection: name }, 'a ledger could not be cleaned up');
            return 0;
          });
          if (tasks > 0) logger.info({ connection: name, tasks }, 'cleaned up after forgotten tasks');
        }
        return false;
      },
    });
    bus.publish(bus.subjects.wakeOwner, { reason: 'node joined' });
    bus.publish(bus.subjects.wakeBalancer, { reason: 'node joined' });
    return {
      notReady: () => (membership.isCurrent ? null : 'the lease could not be renewed'),
      stop: async () => {
        await running.drain(DRAIN_LIMIT_MS);
        leaving.abort();
        await cleaning.done;
        await membership.leave().catch((error: unknown) => logger.warn({ error }, 'could not leave the cluster'));
        guard.close();
        bus.publish(bus.subjects.wakeBalancer, { reason: 'node left' });
        bus.publish(bus.subjects.wakeOwner, { reason: 'node left' });
      },
    };
  },
};
