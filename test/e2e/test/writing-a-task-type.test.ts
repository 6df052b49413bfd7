import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { startTestCluster, type TestCluster } from '@longshore/testing';
import { afterAll, beforeAll, beforeEach, expect, it, onTestFailed } from 'vitest';
import { StoreSession } from '../src/store-session.ts';
import { deadline, untilRunningOn } from '../src/toy-cluster.ts';

const EXAMPLE = new URL('../src/archive-orders.ts', import.meta.url);
const DAYS = 12;
const ROWS_PER_DAY = 100;

let cluster: TestCluster;
let store: StoreSession;
beforeAll(async () => {
  cluster = await startTestCluster({ plugins: [fileURLToPath(EXAMPLE)], executors: 2, connectStoreAs: 'shop' });
  store = new StoreSession(cluster.cluster.databaseUrl);
});
afterAll(() => cluster.stop());
beforeEach(async () => {
  onTestFailed(() => console.error(cluster.logs()));
  await store.rows('DROP TABLE IF EXISTS public.orders, public.orders_archive');
  await store.rows('CREATE TABLE public.orders (id int PRIMARY KEY, day date NOT NULL)');
  await store.rows(
    `INSERT INTO public.orders SELECT i, date '2026-01-01' + i % ${DAYS + 3} FROM generate_series(0, $1) i`,
    [(DAYS + 3) * ROWS_PER_DAY - 1],
  );
});

const submit = () =>
  cluster.client.submit({ type: 'archive-orders', meta: { connection: 'shop', before: '2026-01-13' } });
const counts = () =>
  store.rows(
    `SELECT (SELECT count(*)::int FROM public.orders) AS left, (SELECT count(*)::int FROM public.orders_archive) AS moved`,
  );

it('shows the example as it is', async () => {
  const page = await readFile(new URL('../../../docs/writing-a-task-type.md', import.meta.url), 'utf8');
  expect(page).toContain(`\`\`\`ts\n${await readFile(EXAMPLE, 'utf8')}\`\`\``);
});

it('moves every row once, though an executor is killed in the middle', async () => {
  await store.rows('CREATE TABLE public.orders_archive (LIKE public.orders)');
  const task = await store.whileLocked('SELECT FROM public.orders FOR UPDATE', [], async () => {
    const submitted = await submit();
    await untilRunningOn(submitted, 'executor-1');
    cluster.cluster.executor(1).kill('SIGKILL');
    await cluster.cluster.executor(1).exited;
    return submitted;
  });
  expect(await task.result(deadline())).toEqual({ rows: DAYS * ROWS_PER_DAY });
  expect(await counts()).toEqual([{ left: 3 * ROWS_PER_DAY, moved: DAYS * ROWS_PER_DAY }]);
  await cluster.cluster.restart('executor-1');
});

it('takes everything back when a day fails', async () => {
  await store.rows('CREATE TABLE public.orders_archive (LIKE public.orders, CHECK (day <> date $$2026-01-07$$))');
  const { task } = await (await submit()).wait(deadline());
  expect(task).toMatchObject({ state: 'reverted', outcome: 'failed' });
  expect(await counts()).toEqual([{ left: (DAYS + 3) * ROWS_PER_DAY, moved: 0 }]);
});

it('is refused where it cannot work', async () => {
  const { task } = await (await submit()).wait(deadline());
  expect(task.error).toMatchObject({ code: 'ARCHIVE_NO_TABLE' });
});
