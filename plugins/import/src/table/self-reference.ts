import type { SqlClient } from '@longshore/sdk';
import { importError } from '../errors/import-error.ts';
import { ImportErrorCode } from '../errors/import-error-code.ts';
import type { TargetTable } from '../meta/prepared-import.ts';

/**
 * Refuses a table with a foreign key to itself. One COPY checks such a key at its end, when all rows are there; chunks commit one
 * by one and in any order, so a row would fail whose parent is in another chunk.
 *
 * @throws {TaskTypeError} IMPORT_TABLE_UNSUPPORTED, naming the constraint.
 */
export async function refuseSelfReference(client: SqlClient, table: TargetTable): Promise<void> {
  const found = await client.query<{ name: string }>(
    `SELECT quote_ident(conname) AS name FROM pg_constraint
      WHERE contype = 'f' AND conrelid = $1::regclass AND confrelid = $1::regclass LIMIT 1`,
    [table.name],
  );
  const name = found.rows[0]?.name;
  if (name === undefined) return;
  const message = `${table.name} has the foreign key ${name} to itself, and a row may come before the one that it refers to: chunks are loaded independently of one another. Drop the key for the import and add it afterwards, or give a chunkBytes that makes one chunk of a single file.`;
  throw importError(ImportErrorCode.TableUnsupported, message, { table: table.name, constraint: name });
}
