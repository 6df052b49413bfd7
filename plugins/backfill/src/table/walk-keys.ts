import type { SqlClient } from '@longshore/sdk';
import type { Key } from '../keys/key-type.ts';
import type { KeyRange } from '../ranges/key-range.ts';
import { rowsOf, type BackfillTarget } from './backfill-target.ts';
import { rangeCondition } from './range-condition.ts';

// ORDER BY names the table: `key` alone would be the text that is selected, if the column has that name.

/**
 * The key of the nth row of a range in the order of the index, or null when it has fewer. Whether a row matches does not count:
 * a predicate that holds for one row in a million must not make the walk, and with it the transaction, a million rows long.
 *
 * @param n - from 1.
 */
export async function nthKey(
  client: SqlClient,
  target: BackfillTarget,
  range: KeyRange,
  n: number,
): Promise<Key | null> {
  const { text, values } = rangeCondition(target, range);
  const found = await client.query<{ key: Key }>(
    `SELECT ${target.key}::text AS key FROM ${rowsOf(target)} AS walked WHERE ${text} ORDER BY walked.${target.key} OFFSET ${n - 1} LIMIT 1`,
    values,
  );
  return found.rows[0]?.key ?? null;
}

/** The highest key above `after` that is committed now, or null when there is none. */
export async function highestKey(client: SqlClient, target: BackfillTarget, after: Key | null): Promise<Key | null> {
  const { text, values } = rangeCondition(target, { after, upTo: null });
  const found = await client.query<{ key: Key }>(
    `SELECT ${target.key}::text AS key FROM ${rowsOf(target)} AS walked WHERE ${text} ORDER BY walked.${target.key} DESC LIMIT 1`,
    values,
  );
  return found.rows[0]?.key ?? null;
}

/** Rows of a range, by counting: for the last and short piece of one. */
export async function countKeys(client: SqlClient, target: BackfillTarget, range: KeyRange): Promise<number> {
  const { text, values } = rangeCondition(target, range);
  const counted = await client.query<{ n: number }>(
    `SELECT count(*)::int AS n FROM ${rowsOf(target)} WHERE ${text}`,
    values,
  );
  return counted.rows[0]?.n ?? 0;
}
