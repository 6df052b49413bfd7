import { submitWithin, type TaskHandle } from '@longshore/client';
import { submitRequest } from '@longshore/protocol';
import { waitUntil, type TestCluster } from '@longshore/testing';
import { CamelCasePlugin, Kysely, PostgresDialect } from 'kysely';
import pg from 'pg';
import { afterAll, beforeAll, beforeEach, describe, expect, it, onTestFailed, onTestFinished } from 'vitest';
import { StoreSession } from '../src/store-session.ts';
import { submitCommitted } from '../src/submit-committed.ts';
import { deadline, startToyCluster } from '../src/toy-cluster.ts';

/** What the application of these tests keeps beside Longshore's schema. */
interface Shop {
  orders: { id: number; note: string };
}

let cluster: TestCluster;
let session: StoreSession;
let db: Kysely<Shop>;
beforeAll(async () => {
  // Polls are slow here: what happens soon was told by a notice.
  cluster = await startToyCluster({ env: { LONGSHORE_POLL_MS: '30000' } });
  session = new StoreSession(cluster.cluster.databaseUrl);
  await session.rows('CREATE TABLE public.orders (id int PRIMARY KEY, note text NOT NULL)');
  const pool = new pg.Pool({ connectionString: cluster.cluster.databaseUrl });
  pool.on('error', () => undefined);
  db = new Kysely<Shop>({ dialect: new PostgresDialect({ pool }), plugins: [new CamelCasePlugin()] });
});
afterAll(async () => {
  await db.destroy();
  await cluster.stop();
});
beforeEach(() => onTestFailed(() => console.error(cluster.logs())));

/** A `pg` client of the application's. */
async function connect(): Promise<pg.Client> {
  const client = new pg.Client({ connectionString: cluster.cluster.databaseUrl });
  client.on('error', () => undefined);
  await client.connect();
  onTestFinished(() => client.end());
  return client;
}

/** The task once somebody can see it: from the commit on. */
function taskOf(id: string): Promise<TaskHandle> {
  return cluster.client.task({ id });
}

const notesOf = async (id: number): Promise<readonly string[]> =>
  (await session.rows<{ note: string }>('SELECT note FROM public.orders WHERE id = $1', [id])).map((row) => row.note);

describe('a task that is submitted within a transaction', () => {
  it('commits together with rows of the caller, through pg', async () => {
    const client = await connect();
    await client.query('BEGIN');
    await client.query(`INSERT INTO orders VALUES (1, 'paid')`);
    const request = {
      type: 'toy',
      key: 'order-1',
      meta: { subtasks: 3 },
      priority: 7,
      slots: 2,
      deadlineMs: 3_600_000,
    };
    const { id } = await submitWithin(client, request);
    await expect(taskOf(id)).rejects.toMatchObject({ code: 'TASK_NOT_FOUND' });
    await client.query('COMMIT');
    const task = await taskOf(id);
    const ended = await task.wait(deadline());
    expect(ended.task).toMatchObject({
      key: 'order-1',
      typeVersion: '1.0.0',
      priority: 7,
      slots: 2,
      result: { total: 3 },
    });
    // The type's own defaults have been filled in.
    expect(ended.meta).toMatchObject({ subtasks: 3, sleepMs: 10 });
    expect(await notesOf(1)).toEqual(['paid']);
  });

  it('commits together with rows of the caller, through Kysely', async () => {
    const { id } = await db.transaction().execute(async (trx) => {
      await trx.insertInto('orders').values({ id: 2, note: 'paid' }).execute();
      return submitWithin(trx, { type: 'toy', meta: { subtasks: 2 } });
    });
    expect((await (await taskOf(id)).wait(deadline())).task).toMatchObject({ state: 'succeed', result: { total: 2 } });
    expect(await notesOf(2)).toEqual(['paid']);
  });

  it('was never there after a rollback, and leaves its key free', async () => {
    const ids: string[] = [];
    const failing = db.transaction().execute(async (trx) => {
      await trx.insertInto('orders').values({ id: 3, note: 'paid' }).execute();
      ids.push((await submitWithin(trx, { type: 'toy', key: 'order-3', meta: { subtasks: 1 } })).id);
      throw new Error('the card was refused');
    });
    await expect(failing).rejects.toThrow('the card was refused');
    await expect(taskOf(ids[0]!)).rejects.toMatchObject({ code: 'TASK_NOT_FOUND' });
    await expect(cluster.client.task({ key: 'order-3' })).rejects.toMatchObject({ code: 'TASK_NOT_FOUND' });
    expect(await notesOf(3)).toEqual([]);
    // Other content under the key is another task now.
    const task = await cluster.client.submit({ type: 'toy', key: 'order-3', meta: { subtasks: 2 } });
    await task.wait(deadline());
  });

  it('is the same one when it is submitted again with its key, and refused with other content', async () => {
    const client = await connect();
    const first = await submitCommitted(client, { type: 'toy', key: 'order-4', meta: { subtasks: 1 } });
    expect(await submitCommitted(client, { type: 'toy', key: 'order-4', meta: { subtasks: 1 } })).toEqual(first);
    await expect(submitCommitted(client, { type: 'toy', key: 'order-4', meta: { subtasks: 2 } })).rejects.toMatchObject(
      {
        code: 'TASK_KEY_TAKEN',
      },
    );
    expect((await (await taskOf(first.id)).wait(deadline())).task.state).toBe('succeed');
  });

  it.each([
    ['a meta that its type does not take', { type: 'toy', meta: { subtasks: -1 } }, 'META_INVALID', 'subtasks'],
    ['a type that nobody registered', { type: 'tyo', meta: {} }, 'TYPE_UNKNOWN', 'tyo'],
    [
      'a version that no registered one can stand for',
      { type: 'toy', typeVersion: '9.0.0', meta: {} },
      'TYPE_INCOMPATIBLE',
      '9.0.0',
    ],
    [
      'slots that do not fit',
      { type: 'toy', slots: 1, slotsPerSubtask: 2, meta: {} },
      'ARGUMENT_INVALID',
      'slotsPerSubtask',
    ],
  ])('ends as failed for %s, naming it', async (_, request, code, named) => {
    const { id } = await submitCommitted(await connect(), request);
    const { task } = await (await taskOf(id)).wait(deadline());
    expect(task).toMatchObject({ state: 'failed', outcome: 'failed', error: { code, permanent: true } });
    expect(task.error?.message).toContain(named);
  });

  it('ends as failed for an option that the function takes and the API does not, naming the field', async () => {
    const client = await connect();
    const { rows } = await client.query<{ id: string }>(
      `SELECT longshore.submit_task('toy', '{}', '{"priority": "high"}') AS id`,
    );
    const { task } = await (await taskOf(rows[0]!.id)).wait(deadline());
    expect(task.error).toMatchObject({ code: 'ARGUMENT_INVALID', message: expect.stringContaining('priority: ') });
  });

  it('may use every option that a submit through the API may use', async () => {
    const client = await connect();
    await client.query('BEGIN');
    // The function itself reads these.
    const read: Readonly<Record<string, unknown>> = { key: 'order-5', again: true, submitId: 'order-5' };
    for (const name of Object.keys(submitRequest.shape)) {
      if (name === 'type' || name === 'meta') continue;
      const values = [JSON.stringify({ [name]: read[name] ?? 'x' })];
      await client.query(`SELECT longshore.submit_task('toy', '{}', $1)`, values);
    }
    await client.query('ROLLBACK');
  });
});

it('many tasks that commit at once are all done', async () => {
  const { ids } = await db.transaction().execute(async (trx) => {
    const submitted = [];
    for (let index = 0; index < 20; index++)
      submitted.push((await submitWithin(trx, { type: 'toy', meta: { subtasks: 1, sleepMs: 0 } })).id);
    return { ids: submitted };
  });
  await waitUntil(
    () => cluster.client.list({ history: true, limit: 200 }),
    ({ tasks }) => ids.every((id) => tasks.some((task) => task.id === id && task.state === 'succeed')),
    { what: 'all of them to succeed' },
  );
});
