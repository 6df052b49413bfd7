import { describe, expect, test } from 'vitest';
import { createOrders, eventually, type IndexTarget, untilBlocked } from './index-target.ts';

const statement = 'CREATE INDEX ON orders (customer, lower(customer) DESC) INCLUDE (amount) WHERE amount > 0';
const customer = 'CREATE INDEX ON orders (customer)';

/** What is built, on tables of all shapes. */
export function describeBuilds(target: IndexTarget): void {
  describe('an index', () => {
    test.each([
      [0, 1],
      [1, 2],
      [2, 4],
      [3, 8],
    ] as const)(
      'comes to a table of %i levels of partitions, valid, and a revert takes it back',
      async (depth, built) => {
        await createOrders(target.client, depth);
        const run = target.start({ statement });
        expect(await run.run()).toEqual({
          table: 'public.orders',
          index: 'public.orders_customer_lower_amount_idx',
          existed: false,
          built,
          adopted: 0,
          partitions: 2 ** (depth + 1) - 2,
        });
        const indexes = await target.indexes();
        expect(indexes).toHaveLength(2 ** (depth + 1) - 1);
        expect(indexes.every(({ valid, parent, table }) => valid && (table === 'orders') === (parent === null))).toBe(
          true,
        );
        await run.revert();
        expect(await target.indexes()).toEqual([]);
      },
    );

    test('has the names that were given, and its progress comes to the size of the table', async () => {
      await createOrders(target.client, 1);
      await target.client.query('ANALYZE orders');
      const run = target.start({ index: { table: 'orders', name: 'By Customer', columns: ['customer'] } });
      await run.run();
      expect((await target.indexes()).map(({ name }) => name)).toEqual([
        'By Customer',
        'orders_1_By Customer',
        'orders_2_By Customer',
      ]);
      expect(run.progress.rows).toBe(400);
      // One for each statement: two builds, the parent's index, two attachments.
      expect(run.throttled).toEqual(Array(5).fill({ statements: 1 }));
    });

    test('of a partition whose name is long has a name of its own', async () => {
      const long = 'p'.repeat(60);
      await target.client.query(
        `CREATE TABLE orders (id int, customer text) PARTITION BY RANGE (id);
         CREATE TABLE ${long}_1 PARTITION OF orders FOR VALUES FROM (0) TO (10);
         CREATE TABLE ${long}_2 PARTITION OF orders FOR VALUES FROM (10) TO (20);
         CREATE TABLE orders_3 PARTITION OF orders DEFAULT;
         CREATE TABLE orders_3_customer_idx ()`,
      );
      expect(await target.start({ statement: customer }).run()).toMatchObject({ built: 3 });
      const names = (await target.indexes()).map(({ name }) => name);
      expect(new Set(names).size).toBe(4);
      expect(names.every((name) => name.length <= 63)).toBe(true);
    });

    test('that is there already is taken as it is, and a revert leaves it', async () => {
      await createOrders(target.client, 1);
      await target.start({ statement }).run();
      const again = target.start({
        statement: statement.replace('INDEX', 'INDEX CONCURRENTLY IF NOT EXISTS "orders_customer_lower_amount_idx"'),
      });
      expect(await again.run()).toMatchObject({ existed: true, built: 0, adopted: 1 });
      await again.revert();
      expect(await target.indexes()).toHaveLength(3);
    });

    test('of a partition that is there already becomes a part of the whole', async () => {
      await createOrders(target.client, 2);
      await target.client.query(
        'CREATE INDEX mine ON orders_1_1 (customer); CREATE INDEX mine_too ON orders_2 (customer)',
      );
      const run = target.start({ statement: customer });
      expect(await run.run()).toMatchObject({ built: 1, adopted: 3 });
      expect(await target.indexes()).toContainEqual({
        table: 'orders_1_1',
        name: 'mine',
        valid: true,
        parent: 'orders_1_customer_idx',
      });
      expect(await target.indexes()).toContainEqual({
        table: 'orders_2',
        name: 'mine_too',
        valid: true,
        parent: 'orders_customer_idx',
      });
      expect(await target.indexes()).toHaveLength(7);
      await expect(run.revert()).rejects.toMatchObject({
        code: 'ADD_INDEX_REVERT_REFUSED',
        message: expect.stringContaining('mine'),
      });
      expect(await target.indexes()).toHaveLength(7);
    });

    test('of a partition that is there already stays when all else is taken back before it was attached', async () => {
      await createOrders(target.client, 1);
      await target.client.query('CREATE INDEX mine ON orders_1 (customer)');
      const run = target.start({ statement: customer });
      await run.prepare();
      await run.runStep('parents');
      await run.runStep('build');
      await run.revert();
      expect((await target.indexes()).map(({ name }) => name)).toEqual(['mine']);
    });

    test('comes to partitions that are added while it is built, and not to those that go', async () => {
      await createOrders(target.client, 2);
      const run = target.start({ statement: customer });
      await run.prepare();
      await run.runStep('parents');
      await run.plan('build');
      await target.client.query(
        `CREATE TABLE late PARTITION OF orders FOR VALUES FROM (400) TO (500);
         ALTER TABLE orders_1 DETACH PARTITION orders_1_1;
         DROP TABLE orders_2_2`,
      );
      expect(await run.runFrom('build')).toMatchObject({ built: 2, partitions: 5 });
      const on = (await target.indexes()).map(({ table }) => table);
      expect(on).toEqual(['late', 'orders', 'orders_1', 'orders_1_2', 'orders_2', 'orders_2_1']);
      await run.revert();
      expect(await target.indexes()).toEqual([]);
    });

    test('follows a table that is renamed while it is built', async () => {
      await createOrders(target.client, 0);
      const run = target.start({ statement: customer });
      await run.prepare();
      await target.client.query('ALTER TABLE orders RENAME TO purchases');
      expect(await run.runFrom('parents')).toMatchObject({ built: 1 });
      await target.client.query('CREATE SCHEMA other; ALTER TABLE purchases SET SCHEMA other');
      await run.revert();
      const left = await target.client.query(`SELECT FROM pg_indexes WHERE tablename = 'purchases'`);
      expect(left.rowCount).toBe(0);
      await target.client.query('DROP SCHEMA other CASCADE');
    });

    test('that was taken back leaves those of others, whatever their names', async () => {
      await createOrders(target.client, 0);
      const run = target.start({ statement: customer });
      await run.run();
      await target.client.query(
        'DROP INDEX orders_customer_idx; CREATE INDEX orders_customer_idx ON orders (customer)',
      );
      await run.revert();
      expect(await target.indexes()).toHaveLength(1);
    });
  });

  describe('a key that occurs twice', () => {
    test.each([0, 2] as const)(
      'is named with its partition (%i levels), and leaves nothing that refuses rows',
      async (depth) => {
        await createOrders(target.client, depth);
        await target.client.query(`INSERT INTO orders VALUES (7, 'twice')`);
        const run = target.start({ index: { table: 'orders', columns: ['id'], unique: true } });
        await run.prepare();
        await run.runStep('parents');
        const table = depth === 0 ? 'public.orders' : 'public.orders_1_1';
        await expect(run.runStep('build')).rejects.toMatchObject({
          code: 'ADD_INDEX_DUPLICATE_KEY',
          permanent: true,
          message: expect.stringContaining(`Rows of ${table} have the same key: Key (id)=(7) is duplicated.`),
          details: { table, key: 'Key (id)=(7) is duplicated.' },
        });
        expect((await target.indexes()).filter(({ table: on }) => `public.${on}` === table)).toEqual([]);
        await run.revert();
        expect(await target.indexes()).toEqual([]);
      },
    );
  });

  test('no more builds than allowed run in a database at once, whatever their tasks', async () => {
    await createOrders(target.client, 1);
    await target.client.query('CREATE TABLE other (id int)');
    const writer = await target.session();
    await writer.query(`BEGIN; INSERT INTO orders_1 VALUES (1, 'open')`);
    const first = target.start({ statement: customer, maxConcurrentBuilds: 1 });
    const second = target.start({ statement: 'CREATE INDEX ON other (id)', maxConcurrentBuilds: 1 });
    await first.prepare();
    await first.runStep('parents');
    await second.prepare();
    // The partition that the writer holds comes first: as large as the other one, and older.
    const builds = [first.runPostponed('build', 1)];
    await untilBlocked(target, /^CREATE INDEX/);
    builds.push(first.runPostponed('build', 2), second.runPostponed('build', 1));
    const limited = 'BUILD_LIMIT: 1 index is being built in this database, which is the limit (maxConcurrentBuilds)';
    await eventually(() => [...second.waiting]).toEqual([limited]);
    await eventually(() => [...first.waiting]).toContain(limited);
    const building = (await target.sessions(/^ls\//)).filter(({ query }) => query.startsWith('CREATE INDEX'));
    expect(building).toHaveLength(1);
    await writer.query('COMMIT');
    await Promise.all(builds);
    expect([...second.waiting, ...first.waiting]).toEqual([]);
  });
}
