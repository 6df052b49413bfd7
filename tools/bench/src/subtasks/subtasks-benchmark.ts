import { fileURLToPath } from 'node:url';
import { migrateStore } from '@longshore/store';
import { startTestCluster, type TestCluster } from '@longshore/testing';
import pg from 'pg';
import { createDatabase } from '../bench-database.ts';
import type { Benchmark, BenchOptions } from '../benchmark.ts';
import { peakRssMb } from '../cluster-memory.ts';
import { drainRows } from '../floor/drain-rows.ts';
import { drainJobs } from '../graphile/drain-jobs.ts';
import { COUNTING_SETTINGS, countStatements, prepareCounting } from '../statement-count.ts';
import { median, rounded, spread } from '../statistics.ts';

const FULL_SUBTASKS = 100_000;
const ROUNDS = 3;
const EXECUTORS = 3;
/** A round that takes longer than this is a failure, in milliseconds. */
const LONGEST_ROUND_MS = 600_000;

/**
 * Throughput of small subtasks: a step of no-op subtasks from submit to all in history, beside two plain clients that do the same rows'
 * work and beside graphile-worker draining as many jobs, on one server in turn.
 */
export const subtasksBenchmark: Benchmark = {
  name: 'subtasks',
  description: 'a step of 100,000 no-op subtasks on three executors, over plain clients and over graphile-worker',
  run: async (options) => {
    const cluster = await startTestCluster({
      plugins: [fileURLToPath(new URL('./noop-subtasks-task-type.ts', import.meta.url))],
      executors: EXECUTORS,
      servers: { postgres: { durable: true, settings: COUNTING_SETTINGS } },
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
  const serverUrl = cluster.cluster.databaseUrl;
  const database = new pg.Client({ connectionString: serverUrl });
  await database.connect();
  try {
    await prepareCounting(database);
    const floorUrl = await createDatabase(serverUrl, 'floor');
    await migrateStore(floorUrl);
    const peerUrl = await createDatabase(serverUrl, 'peer');
    const subtasks = options.rows ?? FULL_SUBTASKS;
    const rounds = options.rounds ?? ROUNDS;
    const ours: number[] = [];
    const floor: number[] = [];
    const peer: number[] = [];
    const wal: number[] = [];
    // The first task meets tables without statistics, plans that were made beside nothing, and code that is not compiled: what a new
    // installation does. Counting statements costs something, so it isn't done in a timed one.
    const first = subtasks / (await runTask(cluster, subtasks));
    options.say(`the first task of the cluster: ${Math.round(first)} a second`);
    const statements = await countStatements(database, () => runTask(cluster, subtasks));
    for (let round = 1; round <= rounds; round++) {
      await database.query('CHECKPOINT');
      const walBefore = await walPosition(database);
      const seconds = await runTask(cluster, subtasks);
      wal.push((await walPosition(database)) - walBefore);
      ours.push(subtasks / seconds);
      await database.query('CHECKPOINT');
      floor.push(subtasks / (await drainRows(floorUrl, subtasks, round)));
      await database.query('CHECKPOINT');
      peer.push(subtasks / (await drainJobs(peerUrl, subtasks)));
      options.say(
        `round ${round}: ours ${Math.round(ours.at(-1) ?? 0)}, floor ${Math.round(floor.at(-1) ?? 0)}, graphile-worker ${Math.round(peer.at(-1) ?? 0)} a second`,
      );
    }
    options.say(`ours ${spread(ours, '/s')}, floor ${spread(floor, '/s')}, graphile-worker ${spread(peer, '/s')}`);
    return {
      subtasks_per_second: rounded(median(ours)),
      first_task_per_second: rounded(first),
      ratio_floor: rounded(median(ours) / median(floor)),
      ratio_graphile: rounded(median(ours) / median(peer)),
      queries_per_subtask: rounded(statements / subtasks),
      wal_bytes_per_subtask: rounded(median(wal) / subtasks),
      peak_rss_mb: peakRssMb([...cluster.cluster.processes.values()].map(({ pid }) => pid)),
      floor_per_second: rounded(median(floor)),
      graphile_per_second: rounded(median(peer)),
      subtasks,
      rounds,
    };
  } finally {
    await database.end();
  }
}

/** Seconds from before the submit until the task and all its subtasks are in history. */
async function runTask(cluster: TestCluster, subtasks: number): Promise<number> {
  const database = new pg.Client({ connectionString: cluster.cluster.databaseUrl });
  await database.connect();
  try {
    const before = Date.now();
    const { id } = await cluster.client.submit({
      type: 'noop-subtasks',
      meta: { subtasks },
      slots: 2,
      slotsPerSubtask: 1,
    });
    for (;;) {
      // Looked for seldom, and timed by what it left behind: a watcher is a load of its own.
      await new Promise((resolve) => setTimeout(resolve, 200));
      const { rows } = await database.query<{ at: number; finished: string; outcome: string }>(
        `SELECT extract(epoch FROM archived_at)::float8 * 1000 AS at, outcome,
           (SELECT count(*) FROM longshore.subtask_history h WHERE h.task_id = t.id AND kind = 'work') AS finished
         FROM longshore.task_history t WHERE id = $1`,
        [id],
      );
      const [ended] = rows;
      if (ended === undefined && Date.now() - before < LONGEST_ROUND_MS) continue;
      if (ended?.outcome !== 'succeeded' || Number(ended.finished) !== subtasks) {
        throw new Error(
          `task ${id} ended with ${JSON.stringify(ended)} instead of ${subtasks} subtasks\n${cluster.logs()}`,
        );
      }
      return (ended.at - before) / 1_000;
    }
  } finally {
    await database.end();
  }
}

async function walPosition(database: pg.Client): Promise<number> {
  const { rows } = await database.query<{ position: string }>(
    `SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0') AS position`,
  );
  return Number(rows[0]?.position);
}
