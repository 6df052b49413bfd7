import type { SqlClient } from '@longshore/sdk';
import { backfillError } from '../errors/backfill-error.ts';
import { BackfillErrorCode } from '../errors/backfill-error-code.ts';
import type { BackfillTarget } from '../table/backfill-target.ts';

interface TableColumn extends Record<string, unknown> {
  readonly name: string;
  readonly quoted: string;
  readonly is_generated: boolean;
  readonly may_update: boolean;
}

/**
 * Makes sure that the columns are there.
 *
 * @param names - as the table has them, not quoted.
 * @throws {TaskTypeError} BACKFILL_COLUMN_MISSING.
 */
export async function checkColumnNames(
  client: SqlClient,
  target: BackfillTarget,
  names: readonly string[],
): Promise<void> {
  await findColumns(client, target, names);
}

/**
 * Makes sure that the columns are there and can be set.
 *
 * @param names - as the table has them, not quoted.
 * @throws {TaskTypeError} BACKFILL_COLUMN_MISSING, BACKFILL_COLUMN_GENERATED, BACKFILL_KEY_CHANGED or BACKFILL_NO_PRIVILEGE.
 */
export async function checkSettable(
  client: SqlClient,
  target: BackfillTarget,
  names: readonly string[],
): Promise<void> {
  const { table } = target;
  for (const column of await findColumns(client, target, names)) {
    const details = { table, column: column.name };
    if (column.quoted === target.key) {
      const message = `${column.quoted} is the primary key of ${table}. A backfill walks along the key and cannot set it. Add a new column, backfill that, and make it the key.`;
      throw backfillError(BackfillErrorCode.KeyChanged, message, details);
    }
    if (column.is_generated) {
      const message = `Column ${column.quoted} of ${table} is generated and takes no values. Leave it out of set.`;
      throw backfillError(BackfillErrorCode.ColumnGenerated, message, details);
    }
    if (!column.may_update) {
      const message = `The connection's role lacks UPDATE on column ${column.quoted} of ${table}. Grant it.`;
      throw backfillError(BackfillErrorCode.NoPrivilege, message, details);
    }
  }
}

async function findColumns(
  client: SqlClient,
  target: BackfillTarget,
  names: readonly string[],
): Promise<readonly TableColumn[]> {
  const { rows: columns } = await client.query<TableColumn>(
    `SELECT attname AS name, quote_ident(attname) AS quoted, attgenerated <> '' OR attidentity = 'a' AS is_generated,
            has_column_privilege(attrelid, attnum, 'UPDATE') AS may_update
       FROM pg_attribute WHERE attrelid = $1::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum`,
    [target.table],
  );
  return names.map((name) => {
    const column = columns.find((candidate) => candidate.name === name);
    if (column !== undefined) return column;
    const known = columns.map((candidate) => candidate.name).join(', ');
    const message = `Table ${target.table} has no column ${JSON.stringify(name)}. It has: ${known}. Names are case-sensitive and have no quotes.`;
    throw backfillError(BackfillErrorCode.ColumnMissing, message, { table: target.table, column: name });
  });
}
