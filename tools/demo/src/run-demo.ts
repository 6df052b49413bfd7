import { connectLongshore, type LongshoreClient } from '@longshore/client';
import type { LocalCluster } from '@longshore/embedded';
import { announce, followTask, showProgress, taskSummary } from 'longshore';
import { join } from 'node:path';
import { CONNECTION, startDemoCluster, startDemoPostgres } from './start-cluster.ts';
import type { DemoOptions } from './demo-options.ts';
import { generateCsv, type GeneratedCsv } from './generate-csv.ts';
import { killAtShare, type KillReport } from './kill-executor.ts';
import { createTable, proveRows } from './prove-rows.ts';
import { reportText } from './report.ts';
import { showMaking } from './show-making.ts';

/** The same file in every run. */
const SEED = 20_260_101;
const KILL_AT_SHARE = 0.3;
/** Small files get small chunks, so that there is something to spread and to lose; large ones the usual size. */
const CHUNKS = 24;
const MIN_CHUNK_BYTES = 64 * 1024;
const MAX_CHUNK_BYTES = 8 * 1024 * 1024;

/**
 * The whole demo. Everything that it starts is stopped and everything that it wrote is removed when it returns or throws.
 *
 * @returns whether the import succeeded and the proof holds.
 * @throws the signal's reason when it aborts first.
 */
export async function runDemo(
  options: DemoOptions,
  say: (text: string) => void,
  signal: AbortSignal,
): Promise<boolean> {
  say(`starting Postgres, a broker, owner, node-manager, balancer and ${options.executors} executors`);
  const { postgres, folder } = await startDemoPostgres(signal);
  try {
    say(`making a CSV file of ${options.rows.toLocaleString('en-US')} rows`);
    // The services start in processes of their own while the file is made in this one.
    const starting = startDemoCluster(postgres.url, folder, options.executors, signal);
    const making = showMaking(options.rows, process.stderr);
    const generating = generateCsv(join(folder, 'rows.csv'), options.rows, SEED, signal, (made) => making.update(made));
    const [cluster, csv] = await bothOrNeither(
      starting,
      generating.finally(() => making.close()),
    );
    try {
      return await runImport(cluster, csv, options, folder, say, signal);
    } finally {
      await cluster.stop();
    }
  } finally {
    await postgres.stop();
  }
}

/** Waits for both; when one fails, a cluster that came up all the same is stopped before the failure is thrown. */
async function bothOrNeither(
  starting: Promise<LocalCluster>,
  generating: Promise<GeneratedCsv>,
): Promise<[LocalCluster, GeneratedCsv]> {
  const [cluster, csv] = await Promise.allSettled([starting, generating]);
  if (cluster.status === 'fulfilled' && csv.status === 'fulfilled') return [cluster.value, csv.value];
  if (cluster.status === 'fulfilled') await cluster.value.stop();
  throw cluster.status === 'rejected' ? cluster.reason : (csv as PromiseRejectedResult).reason;
}

async function runImport(
  cluster: LocalCluster,
  csv: GeneratedCsv,
  options: DemoOptions,
  folder: string,
  say: (text: string) => void,
  signal: AbortSignal,
): Promise<boolean> {
  await createTable(cluster.databaseUrl);
  const client = await connectLongshore({
    servers: cluster.natsUrl,
    token: cluster.natsToken,
    cluster: cluster.cluster,
    name: 'longshore-demo',
  });
  try {
    const holds = await importAndProve(client, cluster, csv, options, say, signal);
    if (options.isKept) await keep(cluster, folder, say, signal);
    return holds;
  } finally {
    await client.close();
  }
}

async function importAndProve(
  client: LongshoreClient,
  cluster: LocalCluster,
  csv: GeneratedCsv,
  options: DemoOptions,
  say: (text: string) => void,
  signal: AbortSignal,
): Promise<boolean> {
  const chunkBytes = Math.min(MAX_CHUNK_BYTES, Math.max(MIN_CHUNK_BYTES, Math.ceil(csv.bytes / CHUNKS)));
  const meta = {
    connection: CONNECTION,
    table: 'public.demo_rows',
    files: [csv.path],
    format: 'csv',
    header: true,
    nullText: '',
    chunkBytes,
  };
  const task = await client.submit({ type: 'import', meta });
  const display = showProgress(process.stderr);
  // The kill is over when the task is: whoever ends first, the other one follows.
  const ended = new AbortController();
  const killing = options.isKilling
    ? killAtShare(task, cluster, KILL_AT_SHARE, AbortSignal.any([signal, ended.signal]), (text) => display.remark(text))
    : Promise.resolve(null);
  killing.catch(() => undefined);
  try {
    const detail = await followTask(task, {
      signal,
      onSnapshot: (snapshot) => display.update(snapshot),
      onRemark: (text) => display.remark(text),
      program: 'npx longshore',
    });
    const kill: KillReport | null = await killing;
    display.close();
    say(`${taskSummary(detail, 'npx longshore')}\n`);
    const proof = await proveRows(cluster.databaseUrl, csv);
    say(reportText(csv, detail, kill, proof));
    return proof.holds && detail.task.outcome === 'succeeded';
  } finally {
    display.close();
    ended.abort();
  }
}

/** Leaves the cluster to the user until Ctrl-C. */
async function keep(
  cluster: LocalCluster,
  folder: string,
  say: (text: string) => void,
  signal: AbortSignal,
): Promise<void> {
  const { natsUrl, natsToken = '', databaseUrl } = cluster;
  const files = { devFile: join(folder, 'dev.json'), passFile: join(folder, 'pgpass') };
  announce(files, { natsUrl, token: natsToken, databaseUrl, cluster: cluster.cluster, pid: process.pid });
  const { hostname, port, pathname, username } = new URL(databaseUrl);
  say(`
the cluster stays up until Ctrl-C; then everything is removed. From another terminal:
  npx longshore task list --history --server ${files.devFile}
  npx longshore dev sql 'SELECT count(*) FROM demo_rows' --server ${files.devFile}
  PGPASSFILE=${files.passFile} psql -h ${hostname} -p ${port} -U ${username} ${pathname.slice(1)}`);
  const stayingUp = setInterval(() => undefined, 60_000);
  await new Promise((resolve) => signal.addEventListener('abort', resolve, { once: true }));
  clearInterval(stayingUp);
}
