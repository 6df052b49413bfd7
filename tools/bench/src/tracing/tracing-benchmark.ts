import { randomBytes } from 'node:crypto';
import { fileURLToPath } from 'node:url';
import { startTestCluster, waitUntil, type TestCluster } from '@longshore/testing';
import type { Benchmark, BenchOptions } from '../benchmark.ts';
import { median, rounded, spread } from '../statistics.ts';
import { cpuTimeUs } from './cpu-time.ts';
import { offCostUs } from './off-cost.ts';
import { startReceiver, type Receiver } from './receiver.ts';

const SUBTASKS = 20_000;
const ROUNDS = 5;

/** What tracing costs: CPU of all our processes for a task of no-op subtasks, with everything exported and with nothing, in turn. */
export const tracingBenchmark: Benchmark = {
  name: 'tracing',
  description: 'CPU that tracing adds to a no-op subtask in all our processes, exported to a receiver outside of them',
  run: async (options) => {
    const receiver = await startReceiver();
    const clusters: TestCluster[] = [];
    try {
      clusters.push(await startCluster({ OTEL_EXPORTER_OTLP_ENDPOINT: receiver.url, OTEL_METRICS_EXPORTER: 'none' }));
      clusters.push(await startCluster({ OTEL_SDK_DISABLED: 'true' }));
      return await measure(clusters, receiver, options);
    } finally {
      await Promise.all(clusters.map((cluster) => cluster.stop()));
      await receiver.stop();
    }
  },
};

function startCluster(env: Record<string, string>): Promise<TestCluster> {
  return startTestCluster({
    plugins: [fileURLToPath(new URL('../latency/noop-task-type.ts', import.meta.url))],
    env: { LONGSHORE_LEASE_TTL_MS: '6000', LONGSHORE_LEADER_TTL_MS: '5000', LONGSHORE_POLL_MS: '1000', ...env },
  });
}

async function measure(
  [traced, plain]: readonly TestCluster[],
  receiver: Receiver,
  options: BenchOptions,
): Promise<Record<string, number>> {
  if (traced === undefined || plain === undefined) throw new TypeError('two clusters are needed');
  const subtasks = options.rows ?? SUBTASKS;
  const rounds = options.rounds ?? ROUNDS;
  const on: number[] = [];
  const off: number[] = [];
  let dropped = 0;
  // The first round of each compiles, and is not counted.
  for (let round = 0; round <= rounds; round++) {
    const arrivedBefore = await receiver.spans();
    const tracedUs = await cpuOfTask(traced, subtasks, async () => {
      await waitUntil(
        () => receiver.spans(),
        (arrived) => arrived - arrivedBefore >= subtasks,
        { what: 'all spans', timeoutMs: 10_000 },
      ).catch(() => undefined);
    });
    dropped += Math.max(0, subtasks - ((await receiver.spans()) - arrivedBefore));
    const plainUs = await cpuOfTask(plain, subtasks, () => Promise.resolve());
    options.say(`round ${round}: ${Math.round(tracedUs)} µs traced, ${Math.round(plainUs)} µs not traced`);
    if (round === 0) continue;
    on.push(tracedUs);
    off.push(plainUs);
  }
  options.say(`traced: ${spread(on, 'µs')} per subtask, not traced: ${spread(off, 'µs')}`);
  return {
    on_us_per_subtask: rounded(median(on) - median(off)),
    off_us_per_subtask: rounded(offCostUs()),
    dropped_spans: dropped,
    traced_us_per_subtask: rounded(median(on)),
    untraced_us_per_subtask: rounded(median(off)),
    subtasks,
    rounds,
  };
}

/** CPU of all processes of a cluster per subtask of one task, in microseconds, until it has left for history and its spans have arrived. */
async function cpuOfTask(cluster: TestCluster, subtasks: number, whenDone: () => Promise<void>): Promise<number> {
  const pids = [...cluster.cluster.processes.values()].map((process) => process.pid);
  const before = cpuTimeUs(pids);
  const traceparent = `00-${randomBytes(16).toString('hex')}-${randomBytes(8).toString('hex')}-01`;
  const task = await cluster.client.submit(
    { type: 'noop', meta: { subtasks }, slots: 2, slotsPerSubtask: 1 },
    { trace: { traceparent } },
  );
  await task.wait({ signal: AbortSignal.timeout(600_000), pollIntervalMs: 2_000 });
  await waitUntil(
    async () => (await cluster.client.list({})).tasks.length,
    (active) => active === 0,
    { what: 'the task in history' },
  );
  await whenDone();
  return (cpuTimeUs(pids) - before) / subtasks;
}
