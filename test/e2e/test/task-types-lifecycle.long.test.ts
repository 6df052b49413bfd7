import { mkdir, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { SubmitRequest, TaskDetail, TaskHandle } from '@longshore/client';
import { createTable, generateCsv, proveRows, type GeneratedCsv } from '@longshore/demo';
import { startTestCluster, waitUntil, type TestCluster } from '@longshore/testing';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, onTestFailed } from 'vitest';
import { holdRows } from '../src/held-rows.ts';
import { deadline, TOY } from '../src/toy-cluster.ts';

const SLOTS = 2;
let root: string;
let csv: GeneratedCsv;
let cluster: TestCluster;
let database: pg.Client;
/** Somebody else, who uses the tables. */
let other: pg.Client;

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'longshore-types-'));
  await mkdir(join(root, 'data'));
  csv = await generateCsv(join(root, 'data', 'rows.csv'), 10_000, 11, deadline().signal);
  cluster = await startTestCluster({
    plugins: ['@longshore/plugin-import', '@longshore/plugin-add-index', '@longshore/plugin-backfill', TOY],
    slots: SLOTS,
    settings: { import: { roots: [join(root, 'data')] } },
    connectStoreAs: 'target',
    // A build that a cancel ends waits for a writer: it would use all of this.
    env: { LONGSHORE_FENCE_GRACE_MS: '500' },
  });
  database = await session();
});
afterAll(async () => {
  await database.end();
  await cluster.stop();
  await rm(root, { recursive: true, force: true });
});
beforeEach(async () => {
  onTestFailed(() => console.error(cluster.logs()));
  other = await session();
});
afterEach(async () => {
  await other.end();
  // What a failed test leaves would go on in the tables of the next one.
  const { tasks } = await cluster.client.list({});
  const left = await Promise.all(tasks.map(({ id }) => cluster.client.task({ id })));
  await Promise.all(left.map((task) => task.cancel({ force: true }).catch(() => undefined)));
});

async function session(): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: cluster.cluster.databaseUrl });
  client.on('error', () => undefined);
  await client.connect();
  return client;
}

const submit = (type: string, meta: Record<string, unknown>, request: Partial<SubmitRequest> = {}) =>
  cluster.client.submit({
    type,
    slots: SLOTS,
    slotsPerSubtask: 1,
    ...request,
    meta: { connection: 'target', ...meta },
  });

const until = (task: TaskHandle, what: string, isSo: (detail: TaskDetail) => boolean): Promise<TaskDetail> =>
  waitUntil(() => task.get(), isSo, { what });

const step = (detail: TaskDetail, name: string) => detail.steps.find((one) => one.step === name)?.subtasks;

const untilRunning = (task: TaskHandle, name: string): Promise<TaskDetail> =>
  until(task, `running ${name}`, (detail) => (step(detail, name)?.running ?? 0) > 0);

const untilWaiting = (task: TaskHandle, code: string): Promise<TaskDetail> =>
  until(task, code, ({ waiting = [] }) => waiting.some((one) => one.code === code));

/** Pauses a task and waits until nothing of it runs. */
async function pause(task: TaskHandle): Promise<void> {
  await task.pause({ reason: 'the test wants so' });
  const paused = await until(task, 'a paused task', (detail) => detail.task.state === 'paused');
  expect(paused.steps.map(({ subtasks }) => subtasks.running)).toEqual(paused.steps.map(() => 0));
}

/** A higher-ranked task takes all slots of the one node for a moment. */
async function preempt(task: TaskHandle, stepName: string): Promise<void> {
  const urgent = await cluster.client.submit({ type: 'toy', priority: 1, slots: SLOTS, meta: { subtasks: 1 } });
  expect((await urgent.wait(deadline())).task.state).toBe('succeed');
  const released: (string | null)[] = [];
  for await (const { kind, message } of task.events()) if (kind === 'subtask-released') released.push(message);
  expect(released).toContain('preempt');
  await untilRunning(task, stepName);
}

/** Waits for the task's good end, to which no failure and no retry led. */
async function expectDone(task: TaskHandle): Promise<unknown> {
  const { task: ended } = await task.wait(deadline());
  expect(ended).toMatchObject({ state: 'succeed', outcome: 'succeeded', error: null });
  for await (const subtask of task.subtasks()) {
    if (subtask.kind === 'work') expect(subtask).toMatchObject({ state: 'succeed', failures: 0 });
  }
  return ended.result;
}

/** Pauses a task in its midst and cancels it. */
async function cancelPaused(task: TaskHandle): Promise<void> {
  await pause(task);
  await task.cancel();
  expect((await task.wait(deadline())).task).toMatchObject({ state: 'reverted', outcome: 'canceled' });
}

const count = async (sql: string): Promise<number> =>
  (await database.query<{ n: number }>(`SELECT count(*)::int AS n FROM ${sql}`)).rows[0]?.n ?? 0;

describe('an import', () => {
  beforeEach(async () => {
    await database.query('DROP TABLE IF EXISTS demo_rows');
    await createTable(cluster.cluster.databaseUrl);
  });
  /** About 16 chunks, at four a second, of which one is not loaded before `letGo`. */
  const start = async (): Promise<{ readonly task: TaskHandle; readonly letGo: () => Promise<void> }> => {
    const letGo = await holdRows(other, 'demo_rows', 'NEW.id = 6000');
    const meta = { table: 'demo_rows', files: csv.path, header: true, chunkBytes: 65_536 };
    const task = await submit('import', meta, { throttle: { bytes: 262_144 } });
    await until(task, 'loaded chunks', (detail) => (step(detail, 'load')?.succeeded ?? 0) > 0);
    return { task, letGo };
  };

  const untilRowWaits = (isWaiting: boolean): Promise<unknown> =>
    waitUntil(
      () => count(`pg_locks WHERE locktype = 'advisory' AND mode = 'ShareLock' AND NOT granted`),
      (waiting) => waiting > 0 === isWaiting,
      { what: isWaiting ? 'a row that waits' : 'no row that waits' },
    );

  it('is paused, preempted, resized and let go faster, and loads every row once', async () => {
    const { task, letGo } = await start();
    await pause(task);
    const loaded = await count('demo_rows');
    expect(loaded).toBeGreaterThan(0);
    expect(loaded).toBeLessThan(csv.rows);
    // What runs when it is preempted is what waits for the row: a chunk that is claimed and not started is handed back without an event.
    await untilRowWaits(false);
    await task.resume();
    await untilRowWaits(true);
    await preempt(task, 'load');
    await task.modify({ slots: 1, slotsPerSubtask: 1 });
    // Not by what is running: the store counts what is claimed ahead too.
    await until(task, 'one slot', (detail) => detail.task.state === 'running' && detail.task.slots === 1);
    await expect(task.modify({ meta: { nullText: 'NULL' } })).rejects.toMatchObject({
      code: 'ARGUMENT_INVALID',
      message: expect.stringContaining('meta.nullText'),
    });
    await task.modify({ throttle: null });
    await letGo();
    expect(await expectDone(task)).toMatchObject({ rows: csv.rows });
    expect(await proveRows(cluster.cluster.databaseUrl, csv)).toMatchObject({ holds: true });
  });

  it('that is paused is canceled, and leaves no row', async () => {
    const { task, letGo } = await start();
    await cancelPaused(task);
    await letGo();
    expect(await count('demo_rows')).toBe(0);
  });

  it('is paused by a full disk with all that it has loaded, and goes on when there is room', async () => {
    await database.query(
      `CREATE OR REPLACE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS
         $$BEGIN RAISE 'no space left on device' USING ERRCODE = '53100'; END$$`,
    );
    await database.query(
      'CREATE TRIGGER full_disk BEFORE INSERT ON demo_rows FOR EACH ROW WHEN (NEW.id = 6000) EXECUTE FUNCTION full_disk()',
    );
    const task = await submit('import', { table: 'demo_rows', files: csv.path, header: true, chunkBytes: 65_536 });
    const paused = await until(task, 'a paused task', (detail) => detail.task.state === 'paused');
    expect(paused.task.error).toMatchObject({ code: 'IMPORT_DISK_FULL' });
    expect(await count('demo_rows')).toBeGreaterThan(0);
    await database.query('DROP TRIGGER full_disk ON demo_rows');
    await task.resume();
    await expectDone(task);
    expect(await proveRows(cluster.cluster.databaseUrl, csv)).toMatchObject({ holds: true });
  });
});

describe('a backfill', () => {
  const ROWS = 12_000;
  beforeEach(async () => {
    await database.query('DROP TABLE IF EXISTS accounts');
    await database.query('CREATE TABLE accounts (id bigint PRIMARY KEY, counter int NOT NULL)');
    await database.query('INSERT INTO accounts SELECT n, 0 FROM generate_series(1, $1::int) n', [ROWS]);
    // The first range comes to this row and no further.
    await other.query('BEGIN');
    await other.query('SELECT FROM accounts WHERE id = 1500 FOR UPDATE');
  });
  const start = async (request: Partial<SubmitRequest> = {}): Promise<TaskHandle> => {
    const meta = { table: 'accounts', set: { counter: 'counter + 1' }, rangeRows: 3_000, maxBatchRows: 100 };
    const task = await submit('backfill', meta, request);
    await waitUntil(
      () => count('accounts WHERE counter = 1'),
      (changed) => changed > 1_000,
      { what: 'changed rows' },
    );
    return task;
  };

  it('is paused, preempted, resized and slowed down while it runs, and changes every row once', async () => {
    // One range at a time, with all slots.
    const task = await start({ slotsPerSubtask: SLOTS });
    await pause(task);
    const changed = await count('accounts WHERE counter = 1');
    await task.resume();
    await untilWaiting(task, 'LOCK_HELD');
    await preempt(task, 'update');
    expect(await count('accounts WHERE counter = 1')).toBeGreaterThanOrEqual(changed);
    // The range that runs gives a slot away, in which another one runs beside it.
    await task.modify({ slotsPerSubtask: 1 });
    await waitUntil(
      () => count('accounts WHERE counter = 1 AND id > 3000'),
      (behind) => behind > 0,
      { what: 'rows of other ranges' },
    );
    await task.modify({ throttle: { rows: 400 }, meta: { maxBatchRows: 200, lockTimeoutMs: 50 } });
    await other.query('COMMIT');
    const slow = await untilWaiting(task, 'THROTTLED');
    expect(slow.task.throttle).toEqual({ rows: 400 });
    await task.modify({ throttle: null });
    expect(await expectDone(task)).toMatchObject({ rows: ROWS });
    expect(await count('accounts WHERE counter <> 1')).toBe(0);
  });

  it('that is paused is canceled: what is changed stays, and nothing more is', async () => {
    const task = await start();
    await cancelPaused(task);
    await other.query('COMMIT');
    const changed = await count('accounts WHERE counter = 1');
    expect(changed).toBeLessThan(ROWS);
    expect(await count('accounts WHERE counter = 0')).toBe(ROWS - changed);
  });
});

describe('an add-index', () => {
  beforeEach(async () => {
    await database.query('DROP TABLE IF EXISTS orders');
    await database.query('CREATE TABLE orders (id bigint, customer text) PARTITION BY RANGE (id)');
    for (const [name, from] of [
      ['orders_0', 0],
      ['orders_1', 1_000],
    ] as const) {
      await database.query(`CREATE TABLE ${name} PARTITION OF orders FOR VALUES FROM (${from}) TO (${from + 1_000})`);
    }
    await database.query(`INSERT INTO orders SELECT i, 'customer ' || i % 100 FROM generate_series(0, 1999) i`);
    // The build of the first partition's index waits for this one's end.
    await other.query('BEGIN');
    await other.query(`INSERT INTO orders_0 VALUES (1, 'open')`);
  });
  const start = async (): Promise<TaskHandle> => {
    const task = await submit('add-index', { statement: 'CREATE INDEX ON orders (customer)' });
    await untilWaiting(task, 'LOCK_HELD');
    return task;
  };
  const builds = (): Promise<number> => count('pg_stat_progress_create_index');
  const indexes = async (): Promise<{ name: string; oid: string; valid: boolean }[]> =>
    (
      await database.query<{ name: string; oid: string; valid: boolean }>(
        `SELECT c.relname AS name, c.oid::text AS oid, x.indisvalid AS valid FROM pg_index x JOIN pg_class c ON c.oid = x.indexrelid
         JOIN pg_class t ON t.oid = x.indrelid WHERE t.relname LIKE 'orders%' ORDER BY 1`,
      )
    ).rows;

  it('is paused and preempted while it builds, and loses nothing of that', async () => {
    const task = await start();
    await pause(task);
    // Postgres goes on with it.
    expect(await builds()).toBe(1);
    const begun = (await indexes()).find(({ name }) => name.startsWith('longshore_'));
    await task.resume();
    await untilWaiting(task, 'LOCK_HELD');
    await preempt(task, 'build');
    await task.modify({ slots: 1, throttle: { statements: 50 }, meta: { lockTimeoutMs: 500, maxConcurrentBuilds: 1 } });
    await other.query('COMMIT');
    expect(await expectDone(task)).toMatchObject({ built: 2, partitions: 2 });
    const whole = await indexes();
    expect(whole.map(({ name, valid }) => [name, valid])).toEqual([
      ['orders_0_customer_idx', true],
      ['orders_1_customer_idx', true],
      ['orders_customer_idx', true],
    ]);
    expect(whole[0]?.oid).toBe(begun?.oid);
  });

  it('that is paused is canceled, and leaves nothing', async () => {
    const task = await start();
    const endWriter = async (): Promise<void> => {
      await waitUntil(builds, (running) => running === 0, { what: 'the build to be ended' });
      await other.query('COMMIT');
    };
    // What is left of the build can only be dropped when the writer has ended.
    await Promise.all([cancelPaused(task), endWriter()]);
    expect(await indexes()).toEqual([]);
  });
});
