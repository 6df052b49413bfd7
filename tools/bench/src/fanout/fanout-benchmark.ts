import { fileURLToPath } from 'node:url';
import { startTestCluster, type TestCluster } from '@longshore/testing';
import { makeWorkerUtils, runMigrations, type WorkerUtils } from 'graphile-worker';
import pg from 'pg';
import { createDatabase } from '../bench-database.ts';
import type { Benchmark, BenchOptions } from '../benchmark.ts';
import { forkGraphileWorkers } from '../graphile/graphile-workers.ts';
import { median, rounded, spread } from '../statistics.ts';

const FULL_CHILDREN = 1_000;
const ROUNDS = 20;
/** Rounds of each side that aren't counted: code that the engine compiles, connections, cached plans. */
const WARM_UP = 10;
const EXECUTORS = 3;
/** The peer as it was quickest of nine settings tried: more jobs at once wait for each other at the counter's row. */
const PEER = { processes: 2, localQueueSize: 500, concurrentJobs: 4 };
/** How often the task is looked for, in milliseconds; its end is read from what it left. */
const LOOK_MS = 50;
const LONGEST_ROUND_MS = 60_000;

/** A fan-out with a join, submit to done, beside a parent job with children and a counter on graphile-worker, in turn. */
export const fanoutBenchmark: Benchmark = {
  name: 'fanout',
  description:
    'a step of 1,000 no-op subtasks and a final one, over a hand-made parent with children on graphile-worker',
  run: async (options) => {
    const cluster = await startTestCluster({
      plugins: [fileURLToPath(new URL('./fanout-task-type.ts', import.meta.url))],
      executors: EXECUTORS,
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
  const children = options.rows ?? FULL_CHILDREN;
  const rounds = options.rounds ?? ROUNDS;
  const database = new pg.Client({ connectionString: cluster.cluster.databaseUrl });
  await database.connect();
  const peer = await startPeer(await createDatabase(cluster.cluster.databaseUrl, 'peer'));
  try {
    const ours: number[] = [];
    const theirs: number[] = [];
    for (let round = 0; round < WARM_UP + rounds; round++) {
      const [our, their] = [await fanOut(cluster, database, children), await peer.fanOut(round, children)];
      if (round < WARM_UP) continue;
      ours.push(our);
      theirs.push(their);
    }
    options.say(`ours ${spread(ours, 'ms')}, graphile-worker ${spread(theirs, 'ms')}`);
    return {
      [`fanout_${children}_ms_p50`]: rounded(median(ours)),
      ratio_graphile: rounded(median(ours) / median(theirs)),
      graphile_ms_p50: rounded(median(theirs)),
      rounds,
    };
  } finally {
    await peer.stop();
    await database.end();
  }
}

/** Milliseconds from before the submit until the task has succeeded. */
async function fanOut(cluster: TestCluster, database: pg.Client, subtasks: number): Promise<number> {
  const before = Date.now();
  const { id } = await cluster.client.submit({ type: 'fanout', meta: { subtasks }, slots: 2, slotsPerSubtask: 1 });
  for (;;) {
    await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    const { rows } = await database.query<{ at: number; outcome: string }>(
      'SELECT extract(epoch FROM ended_at)::float8 * 1000 AS at, outcome FROM longshore.task_history WHERE id = $1',
      [id],
    );
    const [ended] = rows;
    if (ended === undefined && Date.now() - before < LONGEST_ROUND_MS) continue;
    if (ended?.outcome !== 'succeeded') throw new Error(`task ${id} did not succeed\n${cluster.logs()}`);
    return ended.at - before;
  }
}

interface Peer {
  /** Milliseconds from before the parent is added until the join job runs. */
  fanOut(fanout: number, children: number): Promise<number>;
  stop(): Promise<void>;
}

async function startPeer(url: string): Promise<Peer> {
  await runMigrations({ connectionString: url });
  const database = new pg.Client({ connectionString: url });
  await database.connect();
  await database.query('CREATE TABLE counters (fanout integer PRIMARY KEY, left_over integer NOT NULL)');
  await database.end();
  let joined: ((at: number) => void) | null = null;
  const workers = await forkGraphileWorkers({ url, ...PEER, onJoined: (at) => joined?.(at) });
  await workers.start();
  const utils: WorkerUtils = await makeWorkerUtils({ connectionString: url });
  return {
    fanOut: async (fanout, children) => {
      const at = new Promise<number>((resolve) => (joined = resolve));
      const before = Date.now();
      await utils.addJob('parent', { fanout, children });
      return (await at) - before;
    },
    stop: async () => {
      await workers.stop();
      await utils.release();
    },
  };
}
