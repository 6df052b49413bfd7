import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { startTestCluster, type TestCluster } from '@longshore/testing';
import pg from 'pg';
import type { Benchmark, BenchOptions } from '../benchmark.ts';
import { median, percentile, rounded, spread } from '../statistics.ts';
import { startWriter, type WriterLoop } from './writer-loop.ts';

const run = promisify(execFile);

const FULL_ROWS = 10_000_000;
const PARTITIONS = 8;
const ROUNDS = 3;
/** A build of the full size takes a minute. */
const TASK_LIMIT_MS = 1_800_000;
const TABLE = 'bench_orders';
const KEYS = '(customer, id)';

interface Samples {
  readonly parent: number[];
  readonly ours: number[];
  readonly loop: number[];
  /** Of the writer while ours ran, all rounds together. */
  readonly latencies: number[];
}

/** add-index beside a blocking CREATE INDEX on the parent, and a serial loop of CREATE INDEX CONCURRENTLY by psql, in turn. */
export const addIndexBenchmark: Benchmark = {
  name: 'add-index',
  description:
    'add-index on 8 partitions over a blocking CREATE INDEX, and a loop of CREATE INDEX CONCURRENTLY over it',
  run: async (options) => {
    const cluster = await startTestCluster({
      plugins: ['@longshore/plugin-add-index'],
      executors: 1,
      slots: 2,
      // Default durability; leases as in production, on a machine that is busy on purpose.
      servers: { postgres: { durable: true, settings: { max_wal_size: '4GB' } } },
      connectStoreAs: 'target',
      env: {
        LONGSHORE_LEASE_TTL_MS: '6000',
        LONGSHORE_LEASE_MARGIN_MS: '2000',
        LONGSHORE_LEADER_TTL_MS: '5000',
        LONGSHORE_POLL_MS: '1000',
      },
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
  const rows = options.rows ?? FULL_ROWS;
  options.say(`filling ${rows} rows`);
  await fillTable(database, rows);
  const writer = await startWriter(url, TABLE, rows);
  try {
    const samples: Samples = { parent: [], ours: [], loop: [], latencies: [] };
    const rounds = options.rounds ?? ROUNDS;
    // The first round warms caches and WAL files up and isn't counted.
    for (let round = 0; round <= rounds; round++)
      await oneRound(cluster, database, writer, options, { round, samples });
    const ratios = (over: readonly number[], under: readonly number[]): number[] =>
      over.map((value, index) => value / (under[index] ?? Number.NaN));
    const overParent = ratios(samples.ours, samples.parent);
    const loopOver = ratios(samples.loop, samples.ours);
    options.say(`blocking CREATE INDEX: ${spread(samples.parent, 's')}; ours over it: ${spread(overParent, '')}`);
    options.say(`psql loop: ${spread(samples.loop, 's')}; it over ours: ${spread(loopOver, '')}`);
    return {
      ratio_parent_build: rounded(median(overParent)),
      ratio_shell_loop: rounded(median(loopOver)),
      writer_p99_block_ms: rounded(percentile(samples.latencies, 0.99)),
      writer_max_block_ms: rounded(Math.max(...samples.latencies)),
      parent_build_s: rounded(median(samples.parent)),
      ours_s: rounded(median(samples.ours)),
      shell_loop_s: rounded(median(samples.loop)),
      rows,
      rounds,
    };
  } finally {
    await writer.stop();
    await database.end();
  }
}

async function oneRound(
  cluster: TestCluster,
  database: pg.Client,
  writer: WriterLoop,
  options: BenchOptions,
  { round, samples }: { readonly round: number; readonly samples: Samples },
): Promise<void> {
  const url = cluster.cluster.databaseUrl;
  const parent = await timed(database, async () => {
    await database.query(`CREATE INDEX ON ${TABLE} ${KEYS}`);
  });
  let latencies: readonly number[] = [];
  const ours = await timed(database, async () => {
    writer.begin();
    await addIndex(cluster);
    latencies = writer.latencies;
  });
  const loop = await timed(database, () => shellLoop(url));
  options.say(
    `round ${round}: blocking ${parent.toFixed(1)} s, ours ${ours.toFixed(1)} s, psql loop ${loop.toFixed(1)} s; ` +
      `writer during ours: p99 ${percentile(latencies, 0.99).toFixed(1)} ms, max ${Math.max(...latencies).toFixed(1)} ms`,
  );
  if (round === 0) return;
  samples.parent.push(parent);
  samples.ours.push(ours);
  samples.loop.push(loop);
  samples.latencies.push(...latencies);
}

async function fillTable(database: pg.Client, rows: number): Promise<void> {
  await database.query(`CREATE TABLE ${TABLE} (id bigint NOT NULL, customer text NOT NULL) PARTITION BY RANGE (id)`);
  for (let i = 0; i < PARTITIONS; i++) {
    const [from, to] = [i, i + 1].map((part) => Math.ceil((part * rows) / PARTITIONS));
    await database.query(`CREATE TABLE ${TABLE}_${i} PARTITION OF ${TABLE} FOR VALUES FROM (${from}) TO (${to})`);
  }
  // A hash spreads the texts, so that sorting them is work.
  await database.query(`INSERT INTO ${TABLE} SELECT i, md5(i::text) FROM generate_series(0, ${rows - 1}) i`);
  await database.query(`VACUUM (ANALYZE) ${TABLE}`);
}

/** Seconds of one way to build the index, beginning without it and right after a checkpoint. */
async function timed(database: pg.Client, build: () => Promise<void>): Promise<number> {
  await database.query(`DROP INDEX IF EXISTS ${TABLE}_customer_id_idx`);
  await database.query('CHECKPOINT');
  const before = performance.now();
  await build();
  return (performance.now() - before) / 1_000;
}

async function addIndex(cluster: TestCluster): Promise<void> {
  const task = await cluster.client.submit({
    type: 'add-index',
    meta: { connection: 'target', statement: `CREATE INDEX ON ${TABLE} ${KEYS}` },
  });
  const { task: ended } = await task.wait({ signal: AbortSignal.timeout(TASK_LIMIT_MS) });
  if (ended.state !== 'succeed') throw new Error(`add-index ended ${ended.state}: ${ended.error?.message ?? ''}`);
}

/** What one would write by hand: a psql for each partition, one after the other. */
async function shellLoop(url: string): Promise<void> {
  const name = `${TABLE}_customer_id_idx`;
  const psql = (statement: string): Promise<unknown> =>
    run('psql', ['-X', '-q', '-v', 'ON_ERROR_STOP=1', '-c', statement, url]);
  await psql(`CREATE INDEX ${name} ON ONLY ${TABLE} ${KEYS}`);
  for (let i = 0; i < PARTITIONS; i++) {
    await psql(`CREATE INDEX CONCURRENTLY ${TABLE}_${i}_customer_id_idx ON ${TABLE}_${i} ${KEYS}`);
    await psql(`ALTER INDEX ${name} ATTACH PARTITION ${TABLE}_${i}_customer_id_idx`);
  }
}
