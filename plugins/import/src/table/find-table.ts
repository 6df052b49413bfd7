import type { SqlClient } from '@longshore/sdk';
import { findRelation } from '@longshore/sdk/postgres';
import { importError } from '../errors/import-error.ts';
import { ImportErrorCode } from '../errors/import-error-code.ts';
import type { TargetTable } from '../meta/prepared-import.ts';

/** A table that an import can load into. */
export interface FoundTable extends TargetTable {
  /** Decimal. */
  readonly oid: string;
}

const errors = {
  make: importError,
  missing: ImportErrorCode.TableMissing,
  unsupported: ImportErrorCode.TableUnsupported,
  noPrivilege: ImportErrorCode.NoPrivilege,
  wanted: 'an import loads plain and partitioned tables',
};

/**
 * The table that a name means, as the catalog has it.
 *
 * @param name - as SQL would write it.
 * @throws {TaskTypeError} IMPORT_TABLE_MISSING, IMPORT_TABLE_UNSUPPORTED or IMPORT_NO_PRIVILEGE.
 */
export async function findTable(client: SqlClient, name: string): Promise<FoundTable> {
  const found = await findRelation(client, name, errors);
  if (found.isTemporary) throw unsupported(found.name, 'is temporary, so no other session can load it');
  if (found.isSystem) throw unsupported(found.name, 'belongs to the system');
  if (found.foreignPartition !== null) {
    throw unsupported(
      found.name,
      `has the foreign table ${found.foreignPartition} as a partition; import into the others one by one`,
    );
  }
  if (found.isFiltered) {
    throw unsupported(
      found.name,
      'has active row-level security for the role of the connection, and COPY cannot load it; connect as its owner or a role with BYPASSRLS',
    );
  }
  const lacks = await missingPrivilege(client, found.oid);
  if (lacks !== null) {
    const message = `The connection's role lacks ${lacks} on table ${found.name}. Grant it: SELECT proves the counts, TRUNCATE or DELETE take the rows back when the import is undone.`;
    throw importError(ImportErrorCode.NoPrivilege, message, { table: found.name });
  }
  return { oid: found.oid, name: found.name, isPartitioned: found.isPartitioned };
}

async function missingPrivilege(client: SqlClient, oid: string): Promise<string | null> {
  const { rows } = await client.query<{ lacks: string | null }>(
    `SELECT CASE WHEN NOT has_table_privilege($1::oid, 'SELECT') THEN 'SELECT'
                 WHEN NOT has_table_privilege($1::oid, 'TRUNCATE, DELETE') THEN 'TRUNCATE (or DELETE)' END AS lacks`,
    [oid],
  );
  return rows[0]?.lacks ?? null;
}

function unsupported(table: string, reason: string): Error {
  return importError(ImportErrorCode.TableUnsupported, `${table} ${reason}.`, { table });
}
