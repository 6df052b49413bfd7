import { z } from 'zod';

/** A name as SQL writes it, perhaps with its schema: `text_pattern_ops`, `"Ops".mine`. */
const sqlName = z
  .string()
  .max(200)
  .regex(
    /^(?:"[^"]+"|[A-Za-z_][\w$]*)(?:\.(?:"[^"]+"|[A-Za-z_][\w$]*))?$/,
    'must be a name as SQL writes it: name, schema.name, "Name"',
  );

/** The name of a column or index in the case that the catalog has, not quoted. */
const plainName = z.string().min(1).max(63);

const indexKey = z
  .strictObject({
    column: plainName.optional().describe('Name of a column, without quotes, in the case of the table.'),
    expression: z
      .string()
      .min(1)
      .max(4_000)
      .optional()
      .describe('An SQL expression instead of a column: lower(email). Only immutable functions.'),
    collation: sqlName.optional().describe('Default: the column\'s. As SQL writes it: "C".'),
    opclass: sqlName.optional().describe("Operator class. Default: the type's for the method."),
    order: z.enum(['asc', 'desc']).optional().describe('Default asc.'),
    nulls: z.enum(['first', 'last']).optional().describe('Default: last for asc, first for desc.'),
  })
  .describe('One key of the index: a column or an expression.');

export type IndexKey = z.output<typeof indexKey>;

/** An index said field by field. */
export const indexShape = z.strictObject({
  table: z
    .string()
    .min(1)
    .max(300)
    .describe(
      'As SQL names it: orders, sales.orders, sales."Orders". A plain table or a partitioned one of any depth.',
    ),
  name: plainName.optional().describe('Default: as Postgres would name it, such as orders_customer_id_idx.'),
  columns: z
    .array(z.union([plainName, indexKey]))
    .min(1)
    .max(32)
    .describe('Keys of the index in their order: names of columns, or objects with column or expression and more.'),
  unique: z.boolean().default(false).describe('Default false.'),
  nullsNotDistinct: z.boolean().default(false).describe('Whether NULLs are equal, for unique. Default false.'),
  method: sqlName.default('btree').describe('Access method: btree, hash, gin, gist, brin … Default btree.'),
  include: z.array(plainName).max(32).default([]).describe('Columns that the index carries without being keys.'),
  where: z.string().min(1).max(4_000).optional().describe('Predicate of a partial index, an SQL expression.'),
  with: z
    .record(
      z.string().regex(/^[a-z_][a-z0-9_]*$/, 'must be the name of a storage parameter'),
      z.union([z.string().max(100), z.number(), z.boolean()]),
    )
    .default({})
    .describe('Storage parameters of the method: {"fillfactor": 70}.'),
  tablespace: plainName.optional().describe("Default: default_tablespace, or the database's tablespace."),
});

export type IndexShape = z.output<typeof indexShape>;
