import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TaskHandle } from '@longshore/client';
import { createTable, generateCsv, proveRows, type GeneratedCsv } from '@longshore/demo';
import { startPostgres, type EmbeddedPostgres } from '@longshore/embedded';
import { startTestCluster, type TestCluster } from '@longshore/testing';
import pg from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFailed } from 'vitest';
import { StoreSession } from '../src/store-session.ts';
import { deadline } from '../src/toy-cluster.ts';

const ROWS = 20_000;
/** One failure is the end of a task: nothing of an outage may count as one. */
const retry = { maxFailures: 1 };
let root: string;
let csv: GeneratedCsv;
let target: EmbeddedPostgres;
let cluster: TestCluster;
let store: StoreSession;

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'longshore-target-away-'));
  await mkdir(join(root, 'data'));
  csv = await generateCsv(join(root, 'data', 'rows.csv'), ROWS, 5, deadline().signal);
  target = await startPostgres({ durable: false });
  cluster = await startTestCluster({
    plugins: ['@longshore/plugin-import', '@longshore/plugin-backfill', '@longshore/plugin-add-index'],
    executors: 2,
    slots: 3,
    settings: { import: { roots: [join(root, 'data')] } },
    connections: { target: target.url, shop: shopUrl() },
  });
  store = new StoreSession(cluster.cluster.databaseUrl);
});
afterAll(async () => {
  await cluster.stop();
  await Promise.all([target.stop(), rm(root, { recursive: true, force: true })]);
});
beforeEach(async () => {
  onTestFailed(() => console.error(cluster.logs()));
  await onTarget('DROP TABLE IF EXISTS demo_rows, accounts');
  await createTable(target.url);
  await onTarget('CREATE TABLE accounts (id bigint PRIMARY KEY, counter int NOT NULL DEFAULT 0)');
  await onTarget('INSERT INTO accounts SELECT n FROM generate_series(1, $1::int) AS n', [ROWS]);
});

/** Another database of the same server. */
function shopUrl(): string {
  const url = new URL(target.url);
  url.pathname = '/shop';
  return url.href;
}

async function onTarget<Row extends pg.QueryResultRow>(text: string, values: unknown[] = []): Promise<readonly Row[]> {
  const client = new pg.Client({ connectionString: target.url });
  await client.connect();
  try {
    return (await client.query<Row>(text, values)).rows;
  } finally {
    await client.end();
  }
}

/** Keeps work in the middle of what it does, until the target is stopped. */
async function lockTables(): Promise<void> {
  const client = new pg.Client({ connectionString: target.url });
  client.on('error', () => undefined);
  await client.connect();
  await client.query('BEGIN; LOCK TABLE demo_rows, accounts IN SHARE MODE');
}

/** @param rowsPerSecond keeps it from being over soon. Default: it is not kept. */
function submitImport(rowsPerSecond?: number): Promise<TaskHandle> {
  const meta = { connection: 'target', table: 'demo_rows', files: csv.path, header: true, chunkBytes: 65_536 };
  return cluster.client.submit({ type: 'import', slots: 1, retry, meta, ...throttled(rowsPerSecond) });
}

function submitBackfill(rowsPerSecond?: number): Promise<TaskHandle> {
  const set = { counter: 'counter + 1' };
  const meta = { connection: 'target', table: 'accounts', set, rangeRows: 5_000, maxBatchRows: 200 };
  return cluster.client.submit({ type: 'backfill', slots: 1, retry, meta, ...throttled(rowsPerSecond) });
}

function submitIndex(): Promise<TaskHandle> {
  const meta = { connection: 'target', statement: 'CREATE INDEX accounts_counter ON accounts (counter)' };
  return cluster.client.submit({ type: 'add-index', retry, meta });
}

const throttled = (rowsPerSecond?: number) =>
  rowsPerSecond === undefined ? {} : { throttle: { rows: rowsPerSecond } };

const LOADED = `SELECT count(*) > 0 AS value FROM subtask_history WHERE task_id = $1 AND kind = 'work' AND step = 'load'`;

const RUNNING = `SELECT count(*) > 0 AS value FROM subtasks WHERE task_id = $1 AND kind = 'work' AND state = 'running'`;

/** Something of the task waits for its target, and has waited more than once. */
function untilWaiting({ id }: TaskHandle): Promise<string> {
  return store.until(
    `SELECT bool_or(attempt > 1) AS value FROM subtasks
     WHERE task_id = $1 AND waiting->>'code' = 'TARGET_UNAVAILABLE' AND failures = 0`,
    [id],
    'true',
    'a second wait for the target',
  );
}

async function expectWholeImport(task: TaskHandle): Promise<void> {
  expect((await task.wait(deadline())).task).toMatchObject({ state: 'succeed', result: { rows: ROWS } });
  expect(await proveRows(target.url, csv)).toMatchObject({ holds: true });
}

async function expectWholeBackfill(task: TaskHandle): Promise<void> {
  expect((await task.wait(deadline())).task).toMatchObject({ state: 'succeed' });
  expect(await onTarget('SELECT counter, count(*)::int AS rows FROM accounts GROUP BY counter')).toEqual([
    { counter: 1, rows: ROWS },
  ]);
}

// Seen to fail where the error of a session that is away counts as any other: a few of them undid the task.
describe('while its target is away', () => {
  it('a task of any type waits with its reason, counts no failure, and goes on by itself', async () => {
    await target.stopProcess();
    const [imported, index] = [await submitImport(), await submitIndex()];
    await Promise.all([imported, index].map(untilWaiting));
    await target.startProcess();
    await expectWholeImport(imported);
    expect((await index.wait(deadline())).task).toMatchObject({ state: 'succeed' });
  });

  it('work that was under way waits too, and every row is there once in the end', async () => {
    const tasks = [await submitImport(500), await submitBackfill(500)] as const;
    await store.until(LOADED, [tasks[0].id], 'true', 'a loaded chunk');
    await lockTables();
    for (const { id } of tasks) await store.until(RUNNING, [id], 'true', 'running work');
    await target.stopProcess();
    await Promise.all(tasks.map(untilWaiting));
    await target.startProcess();
    for (const task of tasks) await task.modify({ throttle: null });
    await expectWholeImport(tasks[0]);
    await expectWholeBackfill(tasks[1]);
    const events = await store.rows(
      `SELECT kind FROM task_events WHERE task_id = ANY($1) AND kind IN ('subtask-retry', 'subtask-failed')`,
      [tasks.map(({ id }) => id)],
    );
    expect(events).toEqual([]);
  });

  it('a pause and a cancel work', async () => {
    await target.stopProcess();
    const task = await submitBackfill();
    await untilWaiting(task);
    await task.pause();
    await store.until('SELECT state AS value FROM tasks WHERE id = $1', [task.id], 'paused', 'the pause');
    await task.cancel();
    await target.startProcess();
    expect((await task.wait(deadline())).task).toMatchObject({ state: 'reverted', outcome: 'canceled' });
  });

  it('for longer than an hour pauses the task, which goes on once it is resumed', async () => {
    await lockTables();
    const task = await submitImport();
    await store.until(RUNNING, [task.id], 'true', 'running work');
    await target.stopProcess();
    await untilWaiting(task);
    await store.rows(`UPDATE subtasks SET away_since = away_since - interval '1 hour' WHERE away_since IS NOT NULL`);
    await store.until('SELECT state AS value FROM tasks WHERE id = $1', [task.id], 'paused', 'the pause');
    expect((await task.get()).task).toMatchObject({ error: { code: 'TARGET_UNAVAILABLE' } });
    await target.startProcess();
    await task.resume();
    await expectWholeImport(task);
  });
});

it('a task whose revert could not begin goes on where it was', async () => {
  await onTarget('CREATE DATABASE shop');
  await createTable(shopUrl());
  const meta = { connection: 'shop', table: 'demo_rows', files: csv.path, header: true, chunkBytes: 65_536 };
  const task = await cluster.client.submit({ type: 'import', slots: 1, retry, meta, ...throttled(500) });
  await store.until(LOADED, [task.id], 'true', 'a loaded chunk');
  // Not away: a setting, that no waiting mends.
  await onTarget('ALTER DATABASE shop ALLOW_CONNECTIONS false');
  await onTarget(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'shop'`);
  const held = await task.wait({ ...deadline(), until: (now) => now.task.state === 'awaiting-resolution' });
  expect(held.controls).toMatchObject([{ kind: 'revert', state: 'failed' }]);
  await onTarget('ALTER DATABASE shop ALLOW_CONNECTIONS true');
  await task.modify({ throttle: null });
  await task.resume();
  expect((await task.wait(deadline())).task).toMatchObject({ outcome: 'succeeded', result: { rows: ROWS } });
  expect(await proveRows(shopUrl(), csv)).toMatchObject({ holds: true });
});
