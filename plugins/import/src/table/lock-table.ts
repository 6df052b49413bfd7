import type { SqlClient } from '@longshore/sdk';
import type { TargetTable } from '../meta/prepared-import.ts';
import { rowsOf } from './table-rows.ts';

/**
 * How long to wait for other sessions, in milliseconds. While an exclusive lock waits, all that come later wait behind it,
 * readers too; ten seconds are more than most transactions take.
 */
const LOCK_TIMEOUT_MS = 10_000;

/**
 * Keeps everybody else out of the table until the transaction ends, so that nobody adds a row between looking and deleting.
 *
 * @throws the driver's error 55P03 when others hold it for longer.
 */
export async function lockTable(client: SqlClient, table: TargetTable): Promise<void> {
  await client.query(`SET LOCAL lock_timeout = ${LOCK_TIMEOUT_MS}`);
  // A policy would hide rows from the look, and not from TRUNCATE: rather fail.
  await client.query('SET LOCAL row_security = off');
  await client.query(`LOCK TABLE ${rowsOf(table)} IN ACCESS EXCLUSIVE MODE`);
}
