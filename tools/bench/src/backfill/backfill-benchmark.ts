import { startTestCluster, type TestCluster } from '@longshore/testing';
import pg from 'pg';
import type { Benchmark, BenchOptions } from '../benchmark.ts';
import { median, percentile, rounded, spread } from '../statistics.ts';
import { countFaults, makeTable, TABLE } from './bench-table.ts';
import { startHotWriter } from './hot-writer.ts';
import { oneUpdate, serialLoop } from './peers.ts';

const FULL_ROWS = 10_000_000;
const ROUNDS = 2;
const TASK_LIMIT_MS = 1_800_000;

/** A backfill of every row beside a serial loop and one big UPDATE, each on a fresh table that somebody writes to, in turn. */
export const backfillBenchmark: Benchmark = {
  name: 'backfill',
  description: 'backfill beside a writer, over a serial loop of 5,000-row updates and over one big UPDATE',
  run: measure,
};

async function measure(options: BenchOptions): Promise<Record<string, number>> {
  const cluster = await startTestCluster({
    plugins: ['@longshore/plugin-backfill'],
    executors: 1,
    slots: 2,
    // Default durability; leases as in production, on a machine that is busy on purpose.
    servers: { postgres: { durable: true } },
    connectStoreAs: 'target',
    env: {
      LONGSHORE_LEASE_TTL_MS: '6000',
      LONGSHORE_LEASE_MARGIN_MS: '2000',
      LONGSHORE_LEADER_TTL_MS: '5000',
      LONGSHORE_POLL_MS: '1000',
    },
  });
  const url = cluster.cluster.databaseUrl;
  const database = new pg.Client({ connectionString: url });
  await database.connect();
  try {
    return await runRounds(cluster, database, url, options);
  } finally {
    await database.end();
    await cluster.stop();
  }
}

/** One run of one side. */
interface Run {
  readonly seconds: number;
  /** What the writer's transactions took, in milliseconds. */
  readonly writer: readonly number[];
}

async function runRounds(
  cluster: TestCluster,
  database: pg.Client,
  url: string,
  options: BenchOptions,
): Promise<Record<string, number>> {
  const rows = options.rows ?? FULL_ROWS;
  const rounds = options.rounds ?? ROUNDS;
  const runs = { ours: [] as Run[], loop: [] as Run[], one: [] as Run[] };
  const faults = { missed: 0, doubled: 0 };
  for (let round = 1; round <= rounds; round++) {
    let throughId = rows;
    const loop = await timed(database, url, rows, () => serialLoop(url, rows));
    const ours = await timed(database, url, rows, async () => {
      const result = await backfill(cluster);
      throughId = Number(result.throughKey);
      options.say(`${result.batches} batches in ${result.ranges} ranges`);
    });
    const found = await countFaults(database, throughId);
    faults.missed += found.missed;
    faults.doubled += found.doubled;
    const one = await timed(database, url, rows, () => oneUpdate(url, rows));
    runs.loop.push(loop);
    runs.ours.push(ours);
    runs.one.push(one);
    for (const [name, { seconds, writer }] of Object.entries({ loop, backfill: ours, 'one update': one })) {
      options.say(
        `round ${round}: ${name} ${seconds.toFixed(1)} s, writer p99 ${percentile(writer, 0.99).toFixed(0)} ms, p99.9 ${percentile(writer, 0.999).toFixed(0)} ms, at most ${Math.max(...writer).toFixed(0)} ms`,
      );
    }
  }
  const over = (first: readonly Run[], second: readonly Run[]): number[] =>
    first.map(({ seconds }, index) => seconds / (second[index]?.seconds ?? Number.NaN));
  options.say(`serial loop over backfill: ${spread(over(runs.loop, runs.ours), '')}`);
  options.say(`backfill over one update: ${spread(over(runs.ours, runs.one), '')}`);
  return {
    ratio_serial_loop: rounded(median(over(runs.loop, runs.ours))),
    ratio_one_update: rounded(median(over(runs.ours, runs.one))),
    writer_p999_ms: rounded(
      percentile(
        runs.ours.flatMap(({ writer }) => writer),
        0.999,
      ),
    ),
    missed: faults.missed,
    doubled: faults.doubled,
    rows_per_second: rounded(rows / median(runs.ours.map(({ seconds }) => seconds))),
    rows,
    rounds,
  };
}

/** One run on a fresh table with a writer beside it. */
async function timed(database: pg.Client, url: string, rows: number, change: () => Promise<void>): Promise<Run> {
  await makeTable(database, rows);
  const writer = await startHotWriter(url, rows);
  const before = performance.now();
  try {
    await change();
  } catch (error) {
    await writer.stop();
    throw error;
  }
  const seconds = (performance.now() - before) / 1_000;
  return { seconds, writer: await writer.stop() };
}

/** What a backfill says of itself. */
interface BackfillResult {
  /** The highest id that it promises to have passed: what was added up to then is changed too. */
  readonly throughKey: string;
  readonly batches: number;
  readonly ranges: number;
}

async function backfill(cluster: TestCluster): Promise<BackfillResult> {
  const task = await cluster.client.submit({
    type: 'backfill',
    maxNodes: 1,
    meta: { connection: 'target', table: TABLE, set: { counter: 'counter + 1' } },
  });
  const { task: ended } = await task.wait({ signal: AbortSignal.timeout(TASK_LIMIT_MS) });
  if (ended.state !== 'succeed') throw new Error(`the backfill ended ${ended.state}: ${ended.error?.message ?? ''}`);
  return ended.result as BackfillResult;
}
