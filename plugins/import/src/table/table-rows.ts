import type { SqlClient } from '@longshore/sdk';
import type { TargetTable } from '../meta/prepared-import.ts';

/** The table in a FROM: a plain one without tables that inherit from it, since COPY loads it alone. */
export function rowsOf(table: TargetTable): string {
  return table.isPartitioned ? table.name : `ONLY ${table.name}`;
}

/** Whether the table has no row that can be seen now. */
export async function isTableEmpty(client: SqlClient, table: TargetTable): Promise<boolean> {
  const found = await client.query<{ found: boolean }>(`SELECT EXISTS (SELECT 1 FROM ${rowsOf(table)}) AS found`);
  return found.rows[0]?.found !== true;
}

/** Rows in the table now. */
export async function countRows(client: SqlClient, table: TargetTable): Promise<number> {
  const counted = await client.query<{ rows: string }>(`SELECT count(*)::text AS rows FROM ${rowsOf(table)}`);
  return Number(counted.rows[0]?.rows ?? 0);
}
