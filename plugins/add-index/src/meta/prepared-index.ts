import { z } from 'zod';

/** What `prepare` freezes, so that later steps and other nodes build the same index on the same table. */
export const preparedIndex = z.strictObject({
  /** The table by the catalog's number, decimal: it may be renamed meanwhile. */
  tableOid: z.string(),
  /** Qualified and quoted, for messages. */
  table: z.string(),
  /** Its name alone, not quoted: names of partitions' indexes are made like the whole one's. */
  rootRelation: z.string(),
  isPartitioned: z.boolean(),
  /** Name of the index, not quoted. It lies in the table's schema, as all indexes do. */
  name: z.string(),
  isUnique: z.boolean(),
  /** What follows `ON table` in the index's definition, as Postgres writes it with all names qualified. */
  body: z.string(),
  tablespace: z.string().nullable(),
  /** Marks indexes that are being built as this task's: a part of their names. */
  token: z.string(),
  /** The equal and valid index that was there already: nothing is to be done. */
  existing: z.string().nullable(),
});

export type PreparedIndex = z.output<typeof preparedIndex>;
