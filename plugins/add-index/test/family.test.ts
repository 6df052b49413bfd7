import { describe, expect, test } from 'vitest';
import { createOrders, useIndexTarget } from './index-target.ts';

/** What there may be beside the wanted index, and all that a table's name can mean. */

const target = useIndexTarget();

const unique = { statement: 'CREATE UNIQUE INDEX ON t (a, b)' };

describe('an index that only looks equal is not taken', () => {
  test('a deferrable constraint of a partition', async () => {
    await target.client.query(
      `CREATE TABLE t (a int, b int) PARTITION BY RANGE (a);
       CREATE TABLE t_1 PARTITION OF t FOR VALUES FROM (0) TO (10); CREATE TABLE t_2 PARTITION OF t DEFAULT;
       ALTER TABLE t_1 ADD CONSTRAINT late UNIQUE (a, b) DEFERRABLE INITIALLY DEFERRED;
       ALTER TABLE t_2 ADD CONSTRAINT soon UNIQUE (a, b)`,
    );
    expect(await target.start(unique).run()).toMatchObject({ built: 1, adopted: 1 });
    await target.client.query('INSERT INTO t VALUES (1, 1), (11, 1)');
    const again = await target.client.query('INSERT INTO t VALUES (1, 1), (11, 1) ON CONFLICT (a, b) DO NOTHING');
    expect(again.rowCount).toBe(0);
  });

  test('a deferrable constraint of the whole', async () => {
    await target.client.query('CREATE TABLE t (a int, b int, CONSTRAINT late UNIQUE (a, b) DEFERRABLE)');
    expect(await target.start(unique).run()).toMatchObject({ existed: false, index: 'public.t_a_b_idx' });
    // ON CONFLICT stays refused as long as there is such a constraint beside it, whoever made the index.
    await target.client.query('ALTER TABLE t DROP CONSTRAINT late');
    await target.client.query('INSERT INTO t VALUES (1, 1) ON CONFLICT (a, b) DO NOTHING');
  });

  test('an exclusion constraint', async () => {
    await target.client.query(
      `CREATE TABLE t (a int4range) PARTITION BY LIST ((lower(a)));
       CREATE TABLE t_1 PARTITION OF t DEFAULT; ALTER TABLE t_1 ADD CONSTRAINT apart EXCLUDE USING gist (a WITH &&)`,
    );
    expect(await target.start({ statement: 'CREATE INDEX ON t USING gist (a)' }).run()).toMatchObject({ built: 1 });
    expect(await target.indexes()).toContainEqual({ table: 't_1', name: 't_1_a_idx', valid: true, parent: 't_a_idx' });
  });

  test.each([
    ['nulls that are equal', 'CREATE UNIQUE INDEX other ON t (a, b) NULLS NOT DISTINCT'],
    ['another collation', 'CREATE UNIQUE INDEX other ON t (a, b, c COLLATE "C")'],
    ['another order', 'CREATE UNIQUE INDEX other ON t (a DESC, b)'],
    ['a predicate', 'CREATE UNIQUE INDEX other ON t (a, b) WHERE a > 0'],
    ['a carried column', 'CREATE UNIQUE INDEX other ON t (a, b) INCLUDE (c)'],
    ['no uniqueness', 'CREATE INDEX other ON t (a, b)'],
    ['another operator class', 'CREATE UNIQUE INDEX other ON t (a, b, c text_pattern_ops)'],
  ])('%s', async (_, other) => {
    await target.client.query(`CREATE TABLE t (a int, b int, c text); ${other}`);
    const columns = other.includes(', c ') ? 'a, b, c' : 'a, b';
    const run = target.start({ statement: `CREATE UNIQUE INDEX ON t (${columns})` });
    expect(await run.run()).toMatchObject({ existed: false, built: 1 });
  });

  test('options of an operator class', async () => {
    await target.client.query(
      `CREATE TABLE t (v tsvector); CREATE INDEX other ON t USING gist (v tsvector_ops (siglen = 100))`,
    );
    expect(await target.start({ statement: 'CREATE INDEX ON t USING gist (v)' }).run()).toMatchObject({
      existed: false,
    });
  });
});

describe("an index without a name gets Postgres' own choice", () => {
  test.each([
    ['a name that is free', '', 'CREATE INDEX ON i (a)'],
    ['a table that has it', 'CREATE TABLE i_a_idx ()', 'CREATE INDEX ON i (a)'],
    [
      'two that are taken, with parameters',
      'CREATE TABLE i_a_idx (); CREATE VIEW i_a_idx1 AS SELECT 1',
      'CREATE INDEX ON i USING brin (a) WITH (pages_per_range = 4)',
    ],
    ['an expression', 'CREATE INDEX i_lower_idx ON i (a)', 'CREATE INDEX ON i (lower(b))'],
    [
      'a name that has to be cut',
      `CREATE TABLE ${'x'.repeat(29)}_${'y'.repeat(29)}_idx ()`,
      `CREATE INDEX ON ${'x'.repeat(60)} (${'y'.repeat(60)})`,
    ],
  ])('%s', async (_, taken, statement) => {
    const tables = `CREATE TABLE i (a int, b text); CREATE TABLE ${'x'.repeat(60)} (${'y'.repeat(60)} int); ${taken}`;
    await target.client.query(`BEGIN; ${tables}; ${statement}`);
    const chosen = await target.indexes();
    await target.client.query('ROLLBACK; BEGIN');
    await target.client.query(tables);
    const before = await target.indexes();
    await target.client.query('COMMIT');
    const name = chosen.find((index) => !before.some((other) => other.name === index.name))?.name ?? '';
    expect(name).not.toBe('');
    expect(await target.start({ statement }).run()).toMatchObject({ index: `public.${name}` });
  });

  test('and those of partitions the next number', async () => {
    await createOrders(target.client, 1);
    await target.client.query('CREATE TABLE orders_1_customer_idx (); CREATE TABLE orders_1_customer_idx1 ()');
    await target.start({ statement: 'CREATE INDEX ON orders (customer)' }).run();
    expect((await target.indexes()).map(({ name }) => name)).toEqual([
      'orders_customer_idx',
      'orders_1_customer_idx2',
      'orders_2_customer_idx',
    ]);
  });
});

const wide = Array.from({ length: 1_599 }, (_, i) => `c${i} bool`).join(', ');

describe('as CREATE INDEX does it', () => {
  test.each([
    ['an unlogged table', 'CREATE UNLOGGED TABLE t (a int, b int)', 't'],
    ['a table that inherits', 'CREATE TABLE parent (a int, b int); CREATE TABLE t () INHERITS (parent)', 't'],
    [
      'one partition',
      'CREATE TABLE w (a int, b int) PARTITION BY LIST (a); CREATE TABLE t PARTITION OF w DEFAULT',
      't',
    ],
    ['a partitioned table without partitions', 'CREATE TABLE t (a int, b int) PARTITION BY LIST (a)', 't'],
    ['policies', 'CREATE TABLE t (a int, b int); ALTER TABLE t ENABLE ROW LEVEL SECURITY', 't'],
    ['a rule', 'CREATE TABLE t (a int, b int); CREATE RULE r AS ON INSERT TO t DO ALSO NOTHING', 't'],
    [
      'a domain and an identity',
      'CREATE DOMAIN d AS int; CREATE TABLE t (a d, b int GENERATED ALWAYS AS IDENTITY)',
      't',
    ],
    ['1,600 columns', `CREATE TABLE t (a int, ${wide.replace('c0 bool', 'b int')})`, 't'],
    ['a name with dots and quotes', 'CREATE TABLE "t.""x" (a int, b int)', '"t.""x"'],
    ['a name of 63 bytes', `CREATE TABLE ${'t'.repeat(63)} (a int, b int)`, 't'.repeat(63)],
  ])('%s', async (_, setup, table) => {
    await target.client.query(setup);
    await target.start({ statement: `CREATE INDEX ON ${table} (a, b)` }).run();
    const [mine, ...more] = await target.indexes();
    expect(more.filter(({ valid }) => !valid)).toEqual([]);
    await target.client.query(
      `DROP INDEX "${(mine?.name ?? '').replaceAll('"', '""')}"; CREATE INDEX ON ${table} (a, b)`,
    );
    const [theirs] = await target.indexes();
    expect(mine).toEqual(theirs);
  });

  test('a table from which others inherit gets its own index alone, and the log says so', async () => {
    await target.client.query('CREATE TABLE t (a int, b int); CREATE TABLE heir () INHERITS (t)');
    const run = target.start({ statement: 'CREATE INDEX ON t (a)' });
    await run.run();
    expect((await target.indexes()).map(({ table }) => table)).toEqual(['t']);
    expect(run.logged.join('\n')).toMatch(/inherit from public\.t, such as public\.heir/);
  });
});
