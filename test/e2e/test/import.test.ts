import { copyFile, mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { SubmitRequest, TaskHandle } from '@longshore/client';
import { createTable, generateCsv, proveRows, type GeneratedCsv } from '@longshore/demo';
import { startTestCluster, waitUntil, type TestCluster } from '@longshore/testing';
import pg from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFailed } from 'vitest';
import { holdRows } from '../src/held-rows.ts';
import { longshore } from '../src/longshore.ts';
import { deadline, killAndRestart, untilRunningOn } from '../src/toy-cluster.ts';

const ROWS = 60_000;
let root: string;
let csv: GeneratedCsv;
let cluster: TestCluster;
let database: pg.Client;

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'longshore-import-'));
  await mkdir(join(root, 'data'));
  csv = await generateCsv(join(root, 'data', 'rows.csv'), ROWS, 7, deadline().signal);
  await start();
});
afterAll(async () => {
  await stop();
  await rm(root, { recursive: true, force: true });
});
beforeEach(async () => {
  onTestFailed(() => console.error(cluster.logs()));
  await database.query('DROP TABLE IF EXISTS demo_rows');
  await createTable(cluster.cluster.databaseUrl);
});

async function start(): Promise<void> {
  cluster = await startTestCluster({
    plugins: ['@longshore/plugin-import'],
    executors: 3,
    settings: { import: { roots: [join(root, 'data')] } },
    connectStoreAs: 'target',
  });
  database = new pg.Client({ connectionString: cluster.cluster.databaseUrl });
  database.on('error', () => undefined);
  await database.connect();
}

async function stop(): Promise<void> {
  await database.end();
  await cluster.stop();
}

/** Submits an import of the generated file in about 100 chunks. */
function submit(meta: Record<string, unknown> = {}, options: Partial<SubmitRequest> = {}): Promise<TaskHandle> {
  return cluster.client.submit({
    ...options,
    type: 'import',
    meta: { connection: 'target', table: 'demo_rows', files: csv.path, header: true, chunkBytes: 65_536, ...meta },
  });
}

async function expectProof(task: TaskHandle): Promise<void> {
  const ended = await task.wait(deadline());
  expect(ended.task).toMatchObject({ state: 'succeed', outcome: 'succeeded', result: { rows: ROWS } });
  expect(await proveRows(cluster.cluster.databaseUrl, csv)).toMatchObject({ holds: true });
}

/** Keeps some chunks of every node from being loaded until the test lets go. */
const holdChunks = (): Promise<() => Promise<void>> => holdRows(database, 'demo_rows', 'NEW.id % 5000 = 4999');

/** Some chunks are loaded. */
async function untilLoading(task: TaskHandle): Promise<void> {
  await waitUntil(
    () => task.get(),
    (detail) => (detail.steps.find((step) => step.step === 'load')?.subtasks.succeeded ?? 0) > 3,
    { what: 'loaded chunks' },
  );
}

describe('an import survives the kill of', () => {
  it.each([[['executor-2']], [['owner-1', 'node-manager-1', 'balancer-1']]])('%s', async (names) => {
    const letGo = await holdChunks();
    const task = await submit();
    await untilLoading(task);
    await untilRunningOn(task, 'executor-2');
    await Promise.all(names.map((name) => killAndRestart(cluster, name)));
    await letGo();
    await expectProof(task);
  });
});

describe('an import', () => {
  it('loads every row once, as it was made', async () => {
    await expectProof(await submit());
  });

  it('empties the table when it is canceled half-way', async () => {
    const letGo = await holdChunks();
    const task = await submit();
    await untilLoading(task);
    await task.cancel();
    expect((await task.wait(deadline())).task).toMatchObject({ state: 'reverted', outcome: 'canceled' });
    await letGo();
    const { rows } = await database.query<{ n: string }>('SELECT count(*) AS n FROM demo_rows');
    expect(rows[0]?.n).toBe('0');
  });

  it('deletes nothing when the table has got rows of others, and says so', async () => {
    const letGo = await holdChunks();
    const task = await submit();
    await untilLoading(task);
    await database.query("INSERT INTO demo_rows VALUES (-1, 'somebody else', NULL, 1, now(), '')");
    await task.cancel();
    const held = await waitUntil(
      () => task.get(),
      (detail) => detail.task.state === 'awaiting-resolution',
      { what: 'a held revert' },
    );
    await letGo();
    expect(held.controls).toMatchObject([{ kind: 'revert', error: { code: 'IMPORT_REVERT_REFUSED' } }]);
    const { rows } = await database.query<{ n: string }>('SELECT count(*) AS n FROM demo_rows');
    expect(Number(rows[0]?.n)).toBeGreaterThan(1);
    // Once the others' row is gone, another cancel undoes the import.
    await database.query('DELETE FROM demo_rows WHERE id = -1');
    await task.cancel();
    expect((await task.wait(deadline())).task).toMatchObject({ state: 'reverted', outcome: 'canceled' });
    const after = await database.query<{ n: string }>('SELECT count(*) AS n FROM demo_rows');
    expect(after.rows[0]?.n).toBe('0');
  });

  it('names file, line and column of a row that cannot be loaded, and leaves nothing', async () => {
    const path = join(root, 'data', 'bad.csv');
    const rest = '2026-01-01,x';
    const good = `1,a,,1,${rest}\n2,"b\nb",,1,${rest}\n`;
    await writeFile(path, `id,name,note,amount,created,payload\n${good}3,c,,not a number,${rest}\n`);
    const task = await submit({ files: path });
    const { task: ended } = await task.wait(deadline());
    expect(ended).toMatchObject({
      state: 'reverted',
      outcome: 'failed',
      error: { code: 'IMPORT_ROW_INVALID', permanent: true, details: { file: path, line: 5, column: 'amount' } },
    });
    const { rows } = await database.query<{ n: string }>('SELECT count(*) AS n FROM demo_rows');
    expect(rows[0]?.n).toBe('0');
  });

  it.each([
    ['a file that does not exist', () => ({ files: join(root, 'data', 'missing.csv') }), 'IMPORT_FILE_MISSING'],
    ['a file outside of the allowed folders', () => ({ files: '/etc/passwd' }), 'IMPORT_FILE_FORBIDDEN'],
    ['a table that does not exist', () => ({ table: 'no_such_table' }), 'IMPORT_TABLE_MISSING'],
    ['a column that does not exist', () => ({ header: false, columns: ['id', 'nothing'] }), 'IMPORT_COLUMN_MISSING'],
    ['a connection that does not exist', () => ({ connection: 'nowhere' }), 'CONNECTION_UNKNOWN'],
  ])('of %s fails with a code', async (_, meta, code) => {
    const { task: ended } = await (await submit(meta())).wait(deadline());
    expect(ended).toMatchObject({ state: 'reverted', outcome: 'failed', error: { code, permanent: true } });
  });

  it('that was held for a bad row is loaded by a retry, once the file is mended and nothing of it was loaded', async () => {
    const file = join(root, 'data', 'mended.csv');
    await writeFile(file, 'id,name,note,amount,created,payload\n1,a,,not a number,2026-01-01,x\n');
    const task = await submit({ files: file }, { onFailure: 'hold' });
    const held = await task.wait({ ...deadline(), until: (seen) => seen.task.state === 'awaiting-resolution' });
    expect(held.task.error).toMatchObject({ code: 'IMPORT_ROW_INVALID' });
    await copyFile(csv.path, file);
    const printed = await longshore(cluster, 'task', 'retry', task.id, '--wait', '--json');
    expect(JSON.parse(printed)).toMatchObject({ task: { key: task.key, run: 2, outcome: 'succeeded' } });
    expect((await task.get()).task).toMatchObject({ state: 'reverted', outcome: 'failed' });
    await expectProof(await cluster.client.task({ key: task.key }));
  });

  it('into a table that is not empty fails, and leaves its rows alone', async () => {
    await database.query("INSERT INTO demo_rows VALUES (1, 'was here before', NULL, 1, now(), '')");
    const { task: ended } = await (await submit()).wait(deadline());
    expect(ended).toMatchObject({ state: 'reverted', error: { code: 'IMPORT_TABLE_NOT_EMPTY' } });
    const { rows } = await database.query<{ n: string }>('SELECT count(*) AS n FROM demo_rows');
    expect(rows[0]?.n).toBe('1');
  });
});
