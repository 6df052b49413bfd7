import type { TaskHandle } from '@longshore/client';
import { startTestCluster, waitUntil, type TestCluster } from '@longshore/testing';
import pg from 'pg';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, onTestFailed } from 'vitest';
import { deadline, killAndRestart } from '../src/toy-cluster.ts';

const ROWS = 40_000;
const PARTITIONS = 4;
let cluster: TestCluster;
let database: pg.Client;
let writer: pg.Client;

beforeAll(async () => {
  cluster = await startTestCluster({
    plugins: ['@longshore/plugin-add-index'],
    executors: 3,
    connectStoreAs: 'target',
  });
  database = await session();
});
afterAll(async () => {
  await database.end();
  await cluster.stop();
});
beforeEach(async () => {
  onTestFailed(() => console.error(cluster.logs()));
  writer = await session();
  await database.query('DROP TABLE IF EXISTS orders');
  await database.query('CREATE TABLE orders (id bigint, customer text) PARTITION BY RANGE (id)');
  for (let i = 0; i < PARTITIONS; i++) {
    const [from, to] = [(i * ROWS) / PARTITIONS, ((i + 1) * ROWS) / PARTITIONS];
    await database.query(`CREATE TABLE orders_${i} PARTITION OF orders FOR VALUES FROM (${from}) TO (${to})`);
  }
  await database.query(`INSERT INTO orders SELECT i, 'customer ' || i % 1000 FROM generate_series(0, ${ROWS - 1}) i`);
});

afterEach(() => writer.end());

async function session(): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: cluster.cluster.databaseUrl });
  client.on('error', () => undefined);
  await client.connect();
  return client;
}

function submit(
  meta: Record<string, unknown> = { statement: 'CREATE INDEX ON orders (customer, id)' },
): Promise<TaskHandle> {
  return cluster.client.submit({ type: 'add-index', meta: { connection: 'target', ...meta } });
}

async function indexes(): Promise<{ name: string; valid: boolean; parent: string | null }[]> {
  const { rows } = await database.query<{ name: string; valid: boolean; parent: string | null }>(
    `SELECT c.relname AS name, x.indisvalid AS valid, h.inhparent::regclass::text AS parent
     FROM pg_index x JOIN pg_class c ON c.oid = x.indexrelid LEFT JOIN pg_inherits h ON h.inhrelid = c.oid
     JOIN pg_class t ON t.oid = x.indrelid WHERE t.relname LIKE 'orders%' ORDER BY 1`,
  );
  return rows;
}

async function expectWhole(task: TaskHandle): Promise<void> {
  const { task: ended } = await task.wait(deadline());
  expect(ended).toMatchObject({
    state: 'succeed',
    result: { index: 'public.orders_customer_id_idx', built: PARTITIONS, partitions: PARTITIONS },
  });
  expect(await indexes()).toEqual([
    ...[0, 1, 2, 3].map((i) => ({
      name: `orders_${i}_customer_id_idx`,
      valid: true,
      parent: 'orders_customer_id_idx',
    })),
    { name: 'orders_customer_id_idx', valid: true, parent: null },
  ]);
}

/** A transaction on the first partition is left open: the build of its index waits for its end. */
async function openWriter(): Promise<void> {
  await writer.query('BEGIN');
  await writer.query(`INSERT INTO orders_0 VALUES (1, 'open')`);
}

/** Waits until the build of the first partition's index waits for the writer, and says so. @returns the node that builds. */
async function untilHeld(task: TaskHandle): Promise<string> {
  await waitUntil(
    async () =>
      (await database.query(`SELECT FROM pg_stat_progress_create_index WHERE phase LIKE 'waiting for writers%'`))
        .rowCount,
    (count) => count === 1,
    { what: 'a build that waits for the writer' },
  );
  await waitUntil(
    () => task.get(),
    ({ waiting = [] }) =>
      waiting.some(({ code, message }) => code === 'LOCK_HELD' && message.includes('lock held by pid')),
    { what: 'the task to say for whom it waits' },
  );
  for await (const subtask of task.subtasks()) {
    if (subtask.phase === 'waiting for writers before build') return subtask.node;
  }
  throw new Error('no subtask says that it is in that phase');
}

describe('an index is whole at the end', () => {
  it('and comes to a table that is not busy', async () => {
    await expectWhole(await submit());
  });

  it('though the executor that builds is killed', async () => {
    await openWriter();
    const task = await submit();
    await killAndRestart(cluster, await untilHeld(task));
    await writer.query('COMMIT');
    await expectWhole(task);
  });
});

it('a canceled build leaves nothing', async () => {
  await openWriter();
  const task = await submit();
  await untilHeld(task);
  await task.cancel();
  await writer.query('COMMIT');
  expect((await task.wait(deadline())).task).toMatchObject({ state: 'reverted', outcome: 'canceled' });
  expect(await indexes()).toEqual([]);
});

it('two rows with the same key fail a unique index, with partition and key, and leave nothing', async () => {
  await database.query(`INSERT INTO orders VALUES (7, 'twice')`);
  const task = await submit({ index: { table: 'orders', columns: ['id'], unique: true } });
  const { task: ended } = await task.wait(deadline());
  expect(ended).toMatchObject({
    state: 'reverted',
    error: {
      code: 'ADD_INDEX_DUPLICATE_KEY',
      details: { table: 'public.orders_0', key: 'Key (id)=(7) is duplicated.' },
    },
  });
  expect(await indexes()).toEqual([]);
});
