import { fileURLToPath } from 'node:url';
import { startTestCluster, type TestCluster } from '@longshore/testing';
import { run, type Runner } from 'graphile-worker';
import pg from 'pg';
import type { Benchmark, BenchOptions } from '../benchmark.ts';
import { median, percentile, rounded, spread } from '../statistics.ts';

const ROUNDS = 200;
/**
 * Samples of each side that aren't counted: connections, cached plans, and code that the engine compiles only after it has run some
 * hundred times, in five processes of ours.
 */
const WARM_UP = 400;

/** Submit to first subtask started, beside graphile-worker's LISTEN/NOTIFY path on the same server, sample by sample in turn. */
export const latencyBenchmark: Benchmark = {
  name: 'latency',
  description: 'submit to first subtask started on an idle cluster, over graphile-worker on the same server',
  run: async (options) => {
    const cluster = await startTestCluster({
      plugins: [fileURLToPath(new URL('./noop-task-type.ts', import.meta.url))],
      servers: { postgres: { durable: true } },
      env: { LONGSHORE_LEASE_TTL_MS: '6000', LONGSHORE_LEADER_TTL_MS: '5000', LONGSHORE_POLL_MS: '1000' },
    });
    try {
      return await measure(cluster, options);
    } finally {
      await cluster.stop();
    }
  },
};

async function measure(cluster: TestCluster, options: BenchOptions): Promise<Record<string, number>> {
  const url = cluster.cluster.databaseUrl;
  const database = new pg.Client({ connectionString: url });
  await database.connect();
  const peer = await startPeer(url);
  try {
    const rounds = options.rounds ?? options.rows ?? ROUNDS;
    const ours: number[] = [];
    const theirs: number[] = [];
    for (let round = 0; round < WARM_UP + rounds; round++) {
      const [our, their] = [await sampleOurs(cluster), await peer.sample()];
      if (round < WARM_UP) continue;
      ours.push(our);
      theirs.push(their);
    }
    const cost = await countCommitsAndMessages(cluster, database);
    options.say(`submit to start: ${spread(ours, 'ms')}`);
    options.say(`graphile-worker: ${spread(theirs, 'ms')}`);
    options.say(`a task of one subtask, submit to history: ${cost.commits} commits, ${cost.messages} NATS messages`);
    return {
      submit_to_start_ms_p50: rounded(median(ours)),
      submit_to_start_ms_p99: rounded(percentile(ours, 0.99)),
      graphile_ms_p50: rounded(median(theirs)),
      ratio_graphile: rounded(median(ours) / median(theirs)),
      commits_per_task: cost.commits,
      messages_per_task: cost.messages,
      rounds,
    };
  } finally {
    await peer.stop();
    await database.end();
  }
}

/** Longer than nearly every task takes to be over, in milliseconds. */
const LONGEST_WAY_MS = 60;

/** Milliseconds from before the submit to the subtask's own first line. */
async function sampleOurs(cluster: TestCluster): Promise<number> {
  const before = performance.timeOrigin + performance.now();
  const task = await cluster.client.submit({ type: 'noop', meta: {} });
  // Nobody looks while it is on its way: a watcher is a load of its own, and the peer has none.
  await new Promise((resolve) => setTimeout(resolve, LONGEST_WAY_MS));
  await idle(cluster);
  const started = await startedAt(cluster, task.id);
  return started - before;
}

/** When the task's subtask ran first: what it returned. */
async function startedAt(cluster: TestCluster, taskId: string): Promise<number> {
  const database = new pg.Client({ connectionString: cluster.cluster.databaseUrl });
  await database.connect();
  const { rows } = await database.query<{ result: number }>(
    `SELECT result FROM longshore.subtask_history WHERE task_id = $1 AND kind = 'work'`,
    [taskId],
  );
  await database.end();
  return rows[0]?.result ?? Number.NaN;
}

/** The task has left for history: nothing of it is under way when the next sample begins. */
async function idle(cluster: TestCluster): Promise<void> {
  for (;;) {
    const { tasks } = await cluster.client.list({});
    if (tasks.length === 0) return;
  }
}

interface Peer {
  sample(): Promise<number>;
  stop(): Promise<void>;
}

async function startPeer(url: string): Promise<Peer> {
  let started: ((at: number) => void) | null = null;
  const runner: Runner = await run({
    connectionString: url,
    concurrency: 1,
    noHandleSignals: true,
    pollInterval: 60_000,
    taskList: {
      noop: () => {
        started?.(performance.timeOrigin + performance.now());
      },
    },
  });
  return {
    sample: async () => {
      const at = new Promise<number>((resolve) => (started = resolve));
      const before = performance.timeOrigin + performance.now();
      await runner.addJob('noop', {});
      return (await at) - before;
    },
    stop: () => runner.stop(),
  };
}

const COUNTED_TASKS = 20;
/** A session of Postgres that has nothing to do hands in its counts after 10 s. */
const STATISTICS_MS = 11_000;

/** Commits and messages of one task, less what the idle cluster does in the same time. */
async function countCommitsAndMessages(
  cluster: TestCluster,
  database: pg.Client,
): Promise<{ commits: number; messages: number }> {
  const read = async (): Promise<{ commits: number; messages: number; at: number }> => {
    await new Promise((resolve) => setTimeout(resolve, STATISTICS_MS));
    const { rows } = await database.query<{ n: string }>(
      'SELECT xact_commit AS n FROM pg_stat_database WHERE datname = current_database()',
    );
    return {
      commits: Number(rows[0]?.n),
      messages: cluster.cluster.broker?.stats.inMessages ?? 0,
      at: performance.now(),
    };
  };
  const first = await read();
  const second = await read();
  for (let count = 0; count < COUNTED_TASKS; count++) {
    const task = await cluster.client.submit({ type: 'noop', meta: {} });
    await task.wait({ signal: AbortSignal.timeout(30_000) });
  }
  const third = await read();
  const share = (third.at - second.at) / (second.at - first.at);
  const perTask = (key: 'commits' | 'messages'): number =>
    Math.round((third[key] - second[key] - share * (second[key] - first[key])) / COUNTED_TASKS);
  return { commits: perTask('commits'), messages: perTask('messages') };
}
