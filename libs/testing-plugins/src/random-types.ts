/** A type of columns: its values, and what may be done with a column of it. All SQL; `i` is the number of a row, `c` a column. */
export interface ColumnType {
  readonly sql: string;
  /** A value that differs from row to row. */
  value(salt: number): string;
  /** New values of a column. */
  readonly changes: readonly ((c: string) => string)[];
  /** Conditions on a column. */
  readonly conditions: readonly ((c: string) => string)[];
  /** Keys of an index on a column, each with the method that it is for. */
  readonly keys: readonly { readonly method: string; readonly key: (c: string) => string }[];
  /** Whether TYPE_SETUP makes it. */
  readonly isUsers?: boolean;
}

/** A type of primary keys. */
export interface KeyType {
  readonly sql: string;
  readonly value: string;
  /** Whether it can be compared with a number. */
  readonly isOrdered: boolean;
}

/** Types that tables use, made anew in each empty schema. */
export const TYPE_SETUP = `CREATE DOMAIN "Price" AS numeric CHECK (VALUE >= 0);
CREATE DOMAIN "key id" AS int;
CREATE TYPE "a pair" AS (a int, b text);
CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy')`;

export const KEY_TYPES: readonly KeyType[] = [
  { sql: 'smallint', value: 'i - 10', isOrdered: true },
  { sql: 'int', value: 'i * 3 - 50', isOrdered: true },
  { sql: 'bigint', value: '(i::bigint - 20) * 1000000007', isOrdered: true },
  { sql: '"key id"', value: 'i', isOrdered: true },
  { sql: 'uuid', value: 'md5(i::text)::uuid', isOrdered: false },
];

const btree = (key: (c: string) => string): ColumnType['keys'][number] => ({ method: 'btree', key });
const ordered: ColumnType['keys'] = [
  btree((c) => c),
  btree((c) => `${c} DESC`),
  btree((c) => `${c} NULLS FIRST`),
  btree((c) => `${c} DESC NULLS LAST`),
  { method: 'brin', key: (c) => c },
  { method: 'hash', key: (c) => c },
];
const nulls: ColumnType['conditions'] = [(c) => `${c} IS NULL`, (c) => `${c} IS NOT NULL`];

export const COLUMN_TYPES: readonly ColumnType[] = [
  {
    sql: 'int',
    value: (salt) => `i * ${salt} % 17`,
    changes: [(c) => `${c} + 1`, (c) => `coalesce(${c}, 0) * 2`, () => 'NULL'],
    conditions: [...nulls, (c) => `${c} > 5`, (c) => `${c} % 3 = 0`],
    keys: [...ordered, btree((c) => `(${c} % 3)`), btree((c) => `abs(${c})`)],
  },
  {
    sql: 'numeric(12,3)',
    value: (salt) => `i / ${salt}.0`,
    changes: [(c) => `round(${c} / 3, 2)`, (c) => `-${c}`],
    conditions: [...nulls, (c) => `${c} < 4`],
    keys: ordered,
  },
  {
    sql: 'text',
    value: (salt) => `repeat(chr(97 + i % 5), i % ${salt}) || CASE i % 3 WHEN 0 THEN 'Ünï "q"' ELSE '' END`,
    changes: [(c) => `upper(${c})`, (c) => `${c} || '; it''s %'`, () => `E'\\\\'`, (c) => `nullif(${c}, '')`],
    conditions: [...nulls, (c) => `${c} LIKE '%a%'`, (c) => `${c} <> ';'`],
    keys: [
      ...ordered.slice(0, 4),
      btree((c) => `lower(${c})`),
      btree((c) => `${c} COLLATE "C"`),
      btree((c) => `${c} text_pattern_ops`),
      btree((c) => `(${c} || ')')`),
      { method: 'hash', key: (c) => c },
    ],
  },
  {
    sql: 'varchar(40)',
    value: (salt) => `'v' || i % ${salt}`,
    changes: [(c) => `left(${c} || 'x', 40)`, () => `'same'`],
    conditions: [...nulls, (c) => `length(${c}) = 2`],
    keys: [...ordered.slice(0, 4), btree((c) => `${c} varchar_pattern_ops`)],
  },
  {
    sql: 'boolean',
    value: (salt) => `i % ${salt} = 1`,
    changes: [(c) => `NOT ${c}`, (c) => `${c} IS TRUE`],
    conditions: [...nulls, (c) => c, (c) => `NOT ${c}`],
    keys: ordered.slice(0, 4),
  },
  {
    sql: 'timestamptz',
    value: (salt) => `timestamptz '2026-01-01 00:00+00' + i * ${salt} * interval '1 hour'`,
    changes: [(c) => `${c} + interval '1 day'`, (c) => `date_trunc('day', ${c}, 'UTC')`],
    conditions: [...nulls, (c) => `${c} < '2026-01-03 00:00+00'`],
    keys: [...ordered, btree((c) => `(${c} AT TIME ZONE 'UTC')`)],
  },
  {
    sql: 'int[]',
    value: (salt) => `ARRAY[i % ${salt}, NULL, i]`,
    changes: [(c) => `array_append(${c}, 7)`, (c) => `${c}[1:1]`, () => `'{}'`],
    conditions: [...nulls, (c) => `${c}[1] = 1`, (c) => `1 = ANY (${c})`],
    keys: [...ordered.slice(0, 4), { method: 'gin', key: (c) => c }],
  },
  {
    sql: 'jsonb',
    value: (salt) => `jsonb_build_object('a', i % ${salt}, 'b', NULL)`,
    changes: [(c) => `${c} || '{"done": true}'`, (c) => `${c} -> 'a'`],
    conditions: [...nulls, (c) => `${c} @> '{"a": 1}'`, (c) => `${c} ? 'b'`],
    keys: [
      { method: 'gin', key: (c) => c },
      { method: 'gin', key: (c) => `${c} jsonb_path_ops` },
      btree((c) => `(${c} ->> 'a')`),
    ],
  },
  {
    sql: 'int4range',
    value: (salt) => `int4range(i % ${salt}, i % ${salt} + 5)`,
    changes: [(c) => `${c} * int4range(2, 8)`, () => `'empty'`],
    conditions: [...nulls, (c) => `${c} @> 3`, (c) => `isempty(${c})`],
    keys: [{ method: 'gist', key: (c) => c }, { method: 'spgist', key: (c) => c }, btree((c) => `lower(${c})`)],
  },
  {
    sql: '"Price"',
    value: (salt) => `i % ${salt}`,
    changes: [(c) => `${c} + 0.5`, (c) => `${c} - 3`],
    conditions: [...nulls, (c) => `${c} = 1`],
    keys: ordered.slice(0, 4),
    isUsers: true,
  },
  {
    sql: '"a pair"',
    value: (salt) => `ROW(i % ${salt}, 'x')::"a pair"`,
    changes: [(c) => `ROW((${c}).a + 1, 'y')::"a pair"`, () => 'NULL'],
    conditions: [...nulls, (c) => `(${c}).a = 1`],
    keys: [btree((c) => c), btree((c) => `((${c}).a)`)],
    isUsers: true,
  },
  {
    sql: 'mood',
    value: (salt) => `(ARRAY['sad', 'ok', 'happy'])[1 + i * ${salt} % 3]::mood`,
    changes: [() => `'happy'`, (c) => `CASE ${c} WHEN 'sad' THEN 'ok'::mood ELSE ${c} END`],
    conditions: [...nulls, (c) => `${c} = 'ok'`, (c) => `${c} > 'sad'`],
    keys: ordered.slice(0, 4),
    isUsers: true,
  },
];
