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
});

export type BackfillTarget = z.output<typeof backfillTarget>;

/** The table in a FROM or UPDATE: a plain one without tables that inherit from it, whose rows have keys of their own. */
export function rowsOf(target: BackfillTarget): string {
  return target.isPartitioned ? target.table : `ONLY ${target.table}`;
}

export function keyTypeOf(target: BackfillTarget): KeyType {
  return keyTypes[target.keyType];
}
