import type { LedgerEntry, SqlClient } from '@longshore/sdk';
import type { TargetTable } from '../meta/prepared-import.ts';
import { rowsOf } from './table-rows.ts';

/** A row holds the lower half of its transaction's id only. */
const XID_MASK = 0xffff_ffffn;

/**
 * 2^32 transactions later a row of somebody else's can have the same half id. An import's table was empty, so no row in it
 * is older than its ledger; half of that leaves a margin as wide as Postgres' own.
 */
const MAX_AGE = 2n ** 31n;

/**
 * Looks for a row that none of the ledger's transactions wrote. It compares `xmin`, the transaction that wrote the row as it
 * is now: a row that somebody changed is theirs, and a frozen row keeps its `xmin` (since Postgres 9.4).
 *
 * The ledger's ids are a table to join with, not a list of conditions: thousands of chunks stay one hash look-up per row.
 *
 * @returns what was found, as a clause; null if all rows are the ledger's.
 */
export async function findForeignRow(
  client: SqlClient,
  table: TargetTable,
  ledger: readonly LedgerEntry[],
): Promise<string | null> {
  const ids = ledger.map((entry) => BigInt(entry.transactionId));
  const now = await client.query<{ id: string }>('SELECT pg_snapshot_xmax(pg_current_snapshot())::text AS id');
  const ages = ids.map((id) => BigInt(now.rows[0]?.id ?? 0) - id);
  if (ages.some((age) => age <= 0n || age >= MAX_AGE)) {
    return "the transaction ids in its ledger are another server's, or so old that others may reuse them";
  }
  const found = await client.query<{ leaf: string; place: string }>(
    `SELECT row.tableoid::regclass::text AS leaf, row.ctid::text AS place FROM ${rowsOf(table)} AS row
      WHERE NOT EXISTS (SELECT FROM unnest($1::xid[]) AS ours(id) WHERE ours.id = row.xmin) LIMIT 1`,
    [ids.map((id) => String(id & XID_MASK))],
  );
  const row = found.rows[0];
  return row === undefined
    ? null
    : `${row.leaf} has rows of others, or changed rows, such as the one at ctid ${row.place}`;
}
