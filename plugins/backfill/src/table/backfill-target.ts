import { z } from 'zod';
import { keyTypeNames, keyTypes } from '../keys/key-types.ts';
import type { KeyType } from '../keys/key-type.ts';

/**
 * The table as the catalog has it. Each subtask carries it, so that all of them work on the same one, whatever happens to the
 * search path.
 */
export const backfillTarget = z.strictObject({
  /** Qualified and quoted, to stand in SQL as it is. */
  table: z.string(),
  isPartitioned: z.boolean(),
  /** The primary key's column, quoted. */
  key: z.string(),
  keyType: z.enum(keyTypeNames),
  /** Stands for the table and all its partitions as they were; absent where only the table itself counts. */
  family: z.string().optional(),
});

export type BackfillTarget = z.output<typeof backfillTarget>;

/** The table in a FROM or UPDATE: a plain one without tables that come to inherit from it, whose rows have keys of their own. */
export function rowsOf(target: BackfillTarget): string {
  return target.isPartitioned ? target.table : `ONLY ${target.table}`;
}

/** Its name alone, quoted: an alias under which expressions may name the table. */
export function bareName({ table }: BackfillTarget): string {
  return table.replace(/^(?:"(?:[^"]|"")*"|[^".]*)\./, '');
}

export function keyTypeOf(target: BackfillTarget): KeyType {
  return keyTypes[target.keyType];
}
