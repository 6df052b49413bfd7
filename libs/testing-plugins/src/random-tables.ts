import fc from 'fast-check';
import { COLUMN_TYPES, type ColumnType, KEY_TYPES, type KeyType, TYPE_SETUP } from './random-types.ts';

/** A column of a random table. */
export interface RandomColumn {
  /** As the catalog has it, without quotes. */
  readonly name: string;
  /** As SQL writes it. */
  readonly sql: string;
  readonly type: ColumnType;
  /** Generated and `GENERATED ALWAYS` identity columns take no values. */
  readonly kind: 'plain' | 'generated' | 'identity';
}

/** A table, its partitions or its parent, and its rows: the same ones at each setup. */
export interface RandomTable {
  /** As SQL writes it. */
  readonly sql: string;
  /** Its primary key, of one column. */
  readonly key: { readonly sql: string; readonly type: KeyType };
  readonly columns: readonly RandomColumn[];
  /** Statements that make it and fill it, in an empty schema. */
  readonly setup: string;
}

/** What a name may be made of: what needs quotes, what a format or a pattern would take for its own, and letters of two bytes. */
const LETTERS = ['a', 'b', 'Z', '0', '_', '"', "'", '.', ' ', ',', 'é', '%', '$', '\\', '-', '(', ';'];
const MAX_NAME_BYTES = 63;

/** Names in SQL: plain ones, words of SQL, names that need quotes, and long ones up to the limit of 63 bytes. */
export const sqlName: fc.Arbitrary<string> = fc.oneof(
  fc.constantFrom('orders', 'Orders', 'select', 'user', 'x'.repeat(MAX_NAME_BYTES), 'é'.repeat(31), '"', '%I', '$1'),
  fc.array(fc.constantFrom(...LETTERS), { minLength: 1, maxLength: 30 }).map((letters) => letters.join('')),
);

/** A name of the catalog as SQL writes it. */
export function quoted(name: string): string {
  return `"${name.replaceAll('"', '""')}"`;
}

type Shape = 'plain' | 'unlogged' | 'heir' | 'range' | 'hash' | 'nested';

/** A table with one to five columns beside its key, and up to `maxRows` rows. */
export function randomTable({ maxRows }: { readonly maxRows: number }): fc.Arbitrary<RandomTable> {
  return fc
    .record({
      names: fc.uniqueArray(sqlName, { minLength: 7, maxLength: 7 }),
      key: fc.constantFrom(...KEY_TYPES),
      types: fc.array(
        fc.record({
          type: fc.constantFrom(...COLUMN_TYPES),
          salt: fc.integer({ min: 2, max: 9 }),
          /** Every so many rows it is NULL; 0: it is NOT NULL. */
          nullEach: fc.integer({ min: 0, max: 5 }),
        }),
        { minLength: 1, maxLength: 5 },
      ),
      extra: fc.constantFrom('none', 'stored', 'virtual', 'identity'),
      shape: fc.constantFrom<Shape>('plain', 'unlogged', 'heir', 'range', 'hash', 'nested'),
      rows: fc.integer({ min: 0, max: maxRows }),
    })
    .map(tableOf);
}

interface Draw {
  readonly names: readonly string[];
  readonly key: KeyType;
  readonly types: readonly { readonly type: ColumnType; readonly salt: number; readonly nullEach: number }[];
  readonly extra: string;
  readonly shape: Shape;
  readonly rows: number;
}

function tableOf({ names, key, types, extra, shape, rows }: Draw): RandomTable {
  const [table = 't', keyName = 'id', ...others] = names;
  const [sql, keySql] = [quoted(table), quoted(keyName)];
  const plain = types.map(({ type, salt, nullEach }, index) => {
    const name = others[index] ?? `c${index}`;
    const value = nullEach === 0 ? type.value(salt) : `CASE WHEN i % ${nullEach + 1} <> 0 THEN ${type.value(salt)} END`;
    const definition = `${quoted(name)} ${type.sql}${nullEach === 0 ? ' NOT NULL' : ''}`;
    return { column: { name, sql: quoted(name), type, kind: 'plain' as const }, value, definition };
  });
  const added = extraColumn(extra, shape, plain[0]?.column);
  const definitions = [
    `${keySql} ${key.sql} NOT NULL`,
    ...plain.map(({ definition }) => definition),
    ...(added === null ? [] : [added.definition]),
  ];
  const list = [keySql, ...plain.map(({ column }) => column.sql)].join(', ');
  const values = [key.value, ...plain.map(({ value }) => value)].join(', ');
  return {
    sql,
    key: { sql: keySql, type: key },
    columns: [...plain.map(({ column }) => column), ...(added === null ? [] : [added.column])],
    setup: [
      TYPE_SETUP,
      ...createTable(sql, keySql, definitions, key.isOrdered ? shape : withoutRanges(shape)),
      `INSERT INTO ${sql} (${list}) SELECT ${values} FROM generate_series(1, ${rows}) AS i`,
    ].join(';\n'),
  };
}

function withoutRanges(shape: Shape): Shape {
  return shape === 'range' || shape === 'nested' ? 'hash' : shape;
}

interface Extra {
  readonly column: RandomColumn;
  readonly definition: string;
}

function extraColumn(extra: string, shape: Shape, from: RandomColumn | undefined): Extra | null {
  const whole = COLUMN_TYPES.find(({ sql }) => sql === 'int');
  if (extra === 'none' || from === undefined || whole === undefined) return null;
  // Not passed on to heirs, nor to partitions of some versions.
  if (extra === 'identity' && shape !== 'plain' && shape !== 'unlogged') return null;
  // A virtual column may not have a type of the user's, nor use one.
  const isUsers = from.type.isUsers === true;
  const name = `${extra} column`;
  const how =
    extra === 'identity'
      ? 'GENERATED ALWAYS AS IDENTITY'
      : `GENERATED ALWAYS AS (num_nulls(${from.sql})) ${extra === 'virtual' && !isUsers ? 'VIRTUAL' : 'STORED'}`;
  return {
    column: { name, sql: quoted(name), type: whole, kind: extra === 'identity' ? 'identity' : 'generated' },
    definition: `${quoted(name)} int ${how}`,
  };
}

/** Statements that make the table in its shape. Partitions have names of their own. */
function createTable(sql: string, key: string, definitions: readonly string[], shape: Shape): readonly string[] {
  const whole = definitions.join(', ');
  const keyed = `${whole}, PRIMARY KEY (${key})`;
  switch (shape) {
    case 'plain':
      return [`CREATE TABLE ${sql} (${keyed})`];
    case 'unlogged':
      return [`CREATE UNLOGGED TABLE ${sql} (${keyed})`];
    case 'heir':
      return [
        `CREATE TABLE "the parent" (${whole})`,
        `CREATE TABLE ${sql} (PRIMARY KEY (${key})) INHERITS ("the parent")`,
      ];
    case 'range':
      return [
        `CREATE TABLE ${sql} (${keyed}) PARTITION BY RANGE (${key})`,
        `CREATE TABLE "part low" PARTITION OF ${sql} FOR VALUES FROM (MINVALUE) TO (20)`,
        `CREATE TABLE "part rest" PARTITION OF ${sql} DEFAULT`,
      ];
    case 'hash':
      return [
        `CREATE TABLE ${sql} (${keyed}) PARTITION BY HASH (${key})`,
        `CREATE TABLE "part 0" PARTITION OF ${sql} FOR VALUES WITH (MODULUS 2, REMAINDER 0)`,
        `CREATE TABLE "part 1" PARTITION OF ${sql} FOR VALUES WITH (MODULUS 2, REMAINDER 1)`,
      ];
    case 'nested':
      return [
        `CREATE TABLE ${sql} (${keyed}) PARTITION BY RANGE (${key})`,
        `CREATE TABLE "part low" PARTITION OF ${sql} FOR VALUES FROM (MINVALUE) TO (20) PARTITION BY HASH (${key})`,
        `CREATE TABLE "part low 0" PARTITION OF "part low" FOR VALUES WITH (MODULUS 1, REMAINDER 0)`,
        `CREATE TABLE "part rest" PARTITION OF ${sql} DEFAULT`,
      ];
  }
}
