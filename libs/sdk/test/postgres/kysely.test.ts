import { startPostgres, type EmbeddedPostgres } from '@longshore/embedded';
import { type Generated, Kysely, sql } from 'kysely';
import pg from 'pg';
import { afterAll, beforeAll, beforeEach, expect, expectTypeOf, test } from 'vitest';
import type { SqlClient } from '../../src/index.ts';
import { sqlClientDialect } from '../../src/postgres/kysely.ts';

interface Shop {
  orders: { id: Generated<number>; customer: string; paid: boolean };
}

let postgres: EmbeddedPostgres;
let session: pg.Client;
let db: Kysely<Shop>;

beforeAll(async () => {
  postgres = await startPostgres({ durable: false });
  session = new pg.Client({ connectionString: postgres.url });
  await session.connect();
});
afterAll(async () => {
  await session.end();
  await postgres.stop();
});
beforeEach(async () => {
  await session.query('DROP TABLE IF EXISTS orders');
  await session.query(
    'CREATE TABLE orders (id int GENERATED ALWAYS AS IDENTITY, customer text NOT NULL, paid boolean NOT NULL)',
  );
  const client: SqlClient = {
    query: async (text, values) => session.query<never>(text, [...(values ?? [])]),
    stream: (submittable) => submittable,
  };
  db = new Kysely<Shop>({ dialect: sqlClientDialect(client) });
});

const insert = () =>
  db
    .insertInto('orders')
    .values([
      { customer: 'Ann', paid: false },
      { customer: 'Bob', paid: false },
    ])
    .returning('id')
    .execute();

test('statements run in the session, with typed rows', async () => {
  expect(await insert()).toEqual([{ id: 1 }, { id: 2 }]);
  const rows = await db.selectFrom('orders').select(['id', 'paid']).where('customer', '=', 'Bob').execute();
  expectTypeOf(rows).toEqualTypeOf<{ id: number; paid: boolean }[]>();
  expect(rows).toEqual([{ id: 2, paid: false }]);
  expect((await session.query('SELECT count(*)::int AS n FROM orders')).rows).toEqual([{ n: 2 }]);
});

test('changes tell how many rows they have changed', async () => {
  await insert();
  const { numUpdatedRows } = await db.updateTable('orders').set({ paid: true }).executeTakeFirstOrThrow();
  const { numDeletedRows } = await db.deleteFrom('orders').where('id', '=', 1).executeTakeFirstOrThrow();
  expect([numUpdatedRows, numDeletedRows]).toEqual([2n, 1n]);
  const { numInsertedOrUpdatedRows } = await db
    .insertInto('orders')
    .values({ customer: 'Cy', paid: false })
    .executeTakeFirstOrThrow();
  expect(numInsertedOrUpdatedRows).toBe(1n);
});

test('raw SQL works, also what changes the schema', async () => {
  await sql`ALTER TABLE orders ADD note text`.execute(db);
  expect((await sql<{ n: number }>`SELECT ${41}::int + 1 AS n`.execute(db)).rows).toEqual([{ n: 42 }]);
  expect((await db.introspection.getTables()).map(({ name }) => name)).toEqual(['orders']);
});

test('what the work did in its transaction is undone with it', async () => {
  await session.query('BEGIN');
  await insert();
  await session.query('ROLLBACK');
  expect(await db.selectFrom('orders').selectAll().execute()).toEqual([]);
});

test('a transaction of its own is refused, before anything is sent', async () => {
  await session.query('BEGIN');
  await insert();
  await expect(db.transaction().execute(() => Promise.resolve(null))).rejects.toThrow(/effectOnce/);
  expect((await session.query('SELECT count(*)::int AS n FROM orders')).rows).toEqual([{ n: 2 }]);
  await session.query('ROLLBACK');
});

test('a stream is refused', async () => {
  const read = async (): Promise<void> => {
    for await (const row of db.selectFrom('orders').selectAll().stream()) expect(row).toBeNull();
  };
  await expect(read()).rejects.toThrow(/pg-query-stream/);
});

test('the error of a statement is the driver’s', async () => {
  await expect(sql`SELECT 1 / 0`.execute(db)).rejects.toMatchObject({ code: '22012' });
});
