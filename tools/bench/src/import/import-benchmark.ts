import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { startTestCluster, type TestCluster } from '@longshore/testing';
import pg from 'pg';
import type { Benchmark, BenchOptions } from '../benchmark.ts';
import { median, rounded, spread } from '../statistics.ts';
import { COLUMNS, writeCsv } from './write-csv.ts';

const run = promisify(execFile);

/** About 520 MB. */
const FULL_ROWS = 5_600_000;
const ROUNDS = 3;
/** An import of the full size takes well under a minute. */
const TASK_LIMIT_MS = 600_000;

/** Import against `psql \copy` of the same file into the same server, in turn. */
export const importBenchmark: Benchmark = {
  name: 'import',
  description: 'import of a CSV file by one and by two executors over psql \\copy of the same file',
  run: async (options) => {
    const folder = await mkdtemp(join(tmpdir(), 'longshore-bench-'));
    try {
      const file = join(folder, 'rows.csv');
      options.say('writing the file');
      await writeCsv(file, options.rows ?? FULL_ROWS);
      const megabytes = (await stat(file)).size / 1_000_000;
      options.say(`${Math.round(megabytes)} MB`);
      return await measure(file, folder, megabytes, options);
    } finally {
      await rm(folder, { recursive: true, force: true });
    }
  },
};

async function measure(
  file: string,
  folder: string,
  megabytes: number,
  options: BenchOptions,
): Promise<Record<string, number>> {
  const cluster = await startTestCluster({
    plugins: ['@longshore/plugin-import'],
    executors: 2,
    slots: 2,
    settings: { import: { roots: [folder] } },
    // The figures are for default durability, as psql's are; leases as in production, on a machine that is busy on purpose.
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
    const seconds = { psql: [] as number[], one: [] as number[], two: [] as number[] };
    const rounds = options.rounds ?? ROUNDS;
    // The first round warms caches and WAL files up and isn't counted.
    for (let round = 0; round <= rounds; round++) {
      const psql = await timed(database, () => psqlCopy(url, file));
      const one = await timed(database, () => importFile(cluster, file, { maxNodes: 1, slots: 2 }));
      const two = await timed(database, () => importFile(cluster, file, { maxNodes: 2, slots: 1 }));
      options.say(
        `round ${round}: psql ${psql.toFixed(1)} s, one executor ${one.toFixed(1)} s, two ${two.toFixed(1)} s`,
      );
      if (round === 0) continue;
      seconds.psql.push(psql);
      seconds.one.push(one);
      seconds.two.push(two);
    }
    const ratios = (ours: readonly number[]): number[] =>
      ours.map((value, index) => (seconds.psql[index] ?? 0) / value);
    options.say(
      `psql \\copy: ${spread(
        seconds.psql.map((value) => megabytes / value),
        'MB/s',
      )}`,
    );
    options.say(
      `one executor: ${spread(
        seconds.one.map((value) => megabytes / value),
        'MB/s',
      )}`,
    );
    options.say(
      `two executors: ${spread(
        seconds.two.map((value) => megabytes / value),
        'MB/s',
      )}`,
    );
    options.say(`ratio, one executor: ${spread(ratios(seconds.one), '')}; two: ${spread(ratios(seconds.two), '')}`);
    return {
      ratio_one_executor: rounded(median(ratios(seconds.one))),
      ratio_two_executors: rounded(median(ratios(seconds.two))),
      peak_rss_mb: Math.max(await peakRssMb(cluster, 1), await peakRssMb(cluster, 2)),
      psql_mb_per_second: rounded(megabytes / median(seconds.psql)),
      file_mb: Math.round(megabytes),
      rounds,
    };
  } finally {
    await database.end();
    await cluster.stop();
  }
}

/** Seconds of one load into a fresh, empty table, beginning right after a checkpoint. */
async function timed(database: pg.Client, load: () => Promise<void>): Promise<number> {
  await database.query('DROP TABLE IF EXISTS bench_rows');
  await database.query(`CREATE TABLE bench_rows (${COLUMNS})`);
  await database.query('CHECKPOINT');
  const before = performance.now();
  await load();
  return (performance.now() - before) / 1_000;
}

async function psqlCopy(url: string, file: string): Promise<void> {
  await run('psql', [
    '-X',
    '-q',
    '-v',
    'ON_ERROR_STOP=1',
    '-c',
    `\\copy bench_rows FROM '${file}' WITH (FORMAT csv)`,
    url,
  ]);
}

async function importFile(
  cluster: TestCluster,
  file: string,
  size: { maxNodes: number; slots: number },
): Promise<void> {
  const task = await cluster.client.submit({
    type: 'import',
    ...size,
    slotsPerSubtask: 1,
    meta: { connection: 'target', table: 'bench_rows', files: file, header: false },
  });
  const { task: ended } = await task.wait({ signal: AbortSignal.timeout(TASK_LIMIT_MS) });
  if (ended.state !== 'succeed') throw new Error(`the import ended ${ended.state}: ${ended.error?.message ?? ''}`);
}

/** The most memory that an executor's process ever had, worker threads included. */
async function peakRssMb(cluster: TestCluster, number: number): Promise<number> {
  const status = await readFile(`/proc/${cluster.cluster.executor(number).pid}/status`, 'utf8');
  const peak = /VmHWM:\s+(\d+) kB/.exec(status)?.[1];
  return peak === undefined ? Number.NaN : Math.round((Number(peak) * 1024) / 1_000_000);
}
