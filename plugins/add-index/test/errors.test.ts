import type { SqlClient } from '@longshore/sdk';
import pg from 'pg';
import { expect, onTestFinished, test } from 'vitest';
import { withTableName } from '../src/errors/postgres-error.ts';
import { takeTurn } from '../src/locking/take-turn.ts';
import { createOrders, useIndexTarget } from './index-target.ts';
import type { IndexRun, StepName } from './index-run.ts';

const target = useIndexTarget();

/** An add-index up to a step. */
async function startedUpTo(step: StepName, statement = 'CREATE INDEX ON orders (customer)'): Promise<IndexRun> {
  const run = target.start({ statement });
  await run.prepare();
  const steps: StepName[] = ['parents', 'build', 'attach', 'verify'];
  for (const earlier of steps.slice(0, steps.indexOf(step))) await run.runStep(earlier);
  await run.plan(step);
  return run;
}

test('a row that is too long for an index is named as the cause', async () => {
  await createOrders(target.client, 0);
  // Too varied to be compressed below what a page of an index holds.
  await target.client.query(
    `INSERT INTO orders SELECT 1000, string_agg(md5(i::text), ''), 0 FROM generate_series(1, 1000) i`,
  );
  const run = await startedUpTo('build');
  await expect(run.runSubtask('build', 1)).rejects.toMatchObject({ code: 'ADD_INDEX_ROW_REFUSED', permanent: true });
});

test('an index that somebody drops before it has its name is missed, and built by the next attempt', async () => {
  await createOrders(target.client, 0);
  const run = await startedUpTo('build');
  const dropped = run.runSubtask('build', 1, {
    tap: async ({ when, text }) => {
      // The last word of the session that has built it.
      if (when !== 'after' || !text.includes('pg_advisory_unlock')) return;
      for (const { name } of await target.indexes()) await target.client.query(`DROP INDEX "${name}"`);
    },
  });
  await expect(dropped).rejects.toMatchObject({ code: 'ADD_INDEX_VANISHED', permanent: false });
  expect(await run.runSubtask('build', 1)).toMatchObject({ origin: 'built' });
});

test('an index that somebody drops before the end is found incomplete', async () => {
  await createOrders(target.client, 0);
  const run = await startedUpTo('verify');
  await target.client.query('DROP INDEX orders_customer_idx');
  await expect(run.runSubtask('verify', 1)).rejects.toMatchObject({ code: 'ADD_INDEX_INCOMPLETE', permanent: true });
});

test('a lock that is not given in time is told with the name of the table, and tried again', async () => {
  await createOrders(target.client, 0);
  const holder = await target.session();
  await holder.query('BEGIN; LOCK TABLE orders');
  await target.client.query(`SET lock_timeout = '10ms'`);
  const refused: unknown = await target.client.query('SELECT FROM orders').catch((error: unknown) => error);
  await target.client.query('RESET lock_timeout');
  expect(withTableName(refused, 'public.orders')).toMatchObject({
    code: 'ADD_INDEX_LOCK_TIMEOUT',
    permanent: false,
    message: expect.stringContaining('public.orders') as unknown,
  });
});

test('an idle older attempt that the role may not end is told with what to grant', async () => {
  const working = 'orders_customer_idx_building';
  const older = await target.session();
  await older.query(`SET application_name = 'ls/7/2001/1'`);
  await older.query(`SELECT pg_advisory_lock(hashtextextended('longshore/add-index/' || $1, 0))`, [working]);
  const url = new URL(target.url);
  url.username = 'loader';
  url.password = 'secret';
  const client = new pg.Client({ connectionString: url.href });
  await client.connect();
  onTestFinished(() => client.end());
  const taking = takeTurn(client as unknown as SqlClient, {
    working,
    taskId: '7',
    subtaskId: '2001',
    attempt: 2,
    signal: new AbortController().signal,
    show: () => () => undefined,
    watch: (_, ended) => ended(),
  });
  await expect(taking).rejects.toMatchObject({
    code: 'ADD_INDEX_NO_TERMINATE',
    permanent: false,
    message: expect.stringContaining('pg_signal_backend') as unknown,
  });
});
