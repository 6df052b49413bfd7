import type { SqlClient } from '@longshore/sdk';
import { importError } from '../errors/import-error.ts';
import { ImportErrorCode } from '../errors/import-error-code.ts';
import type { FoundTable } from './find-table.ts';

/** A column of the target. */
interface TableColumn extends Record<string, unknown> {
  readonly name: string;
  /** As it stands in SQL. */
  readonly quoted: string;
  readonly is_generated: boolean;
  readonly may_insert: boolean;
}

/**
 * The columns that the files hold, in the files' order, quoted by the catalog.
 *
 * @param names - from a header or a meta; null for all columns in the table's order, without generated ones.
 * @param source - where the names stand, for messages: `the header of /data/a.csv`.
 * @throws {TaskTypeError} IMPORT_COLUMN_MISSING, IMPORT_COLUMN_GENERATED, IMPORT_HEADER_INVALID or IMPORT_NO_PRIVILEGE.
 */
export async function chooseColumns(
  client: SqlClient,
  table: FoundTable,
  names: readonly string[] | null,
  source: string,
): Promise<string[]> {
  const { rows: columns } = await client.query<TableColumn>(
    `SELECT attname AS name, quote_ident(attname) AS quoted, attgenerated <> '' AS is_generated,
            has_column_privilege(attrelid, attnum, 'INSERT') AS may_insert
       FROM pg_attribute WHERE attrelid = $1::oid AND attnum > 0 AND NOT attisdropped ORDER BY attnum`,
    [table.oid],
  );
  if (names !== null) checkNames(names, source);
  const chosen =
    names === null
      ? columns.filter((column) => !column.is_generated)
      : names.map((name) => findColumn(columns, name, table, source));
  if (chosen.length === 0) {
    const message = `Table ${table.name} has no column to load. Add columns, or name another table.`;
    throw importError(ImportErrorCode.ColumnMissing, message, { table: table.name });
  }
  const closed = chosen.find((column) => !column.may_insert);
  if (closed !== undefined) {
    const message = `The connection's role lacks INSERT on column ${closed.quoted} of ${table.name}. Grant INSERT on the table.`;
    throw importError(ImportErrorCode.NoPrivilege, message, { table: table.name, column: closed.name });
  }
  return chosen.map((column) => column.quoted);
}

function checkNames(names: readonly string[], source: string): void {
  const faulty = names.find((name, i) => name === '' || names.indexOf(name) < i);
  if (faulty === undefined) return;
  const fault = faulty === '' ? 'has an empty name' : `names column ${JSON.stringify(faulty)} twice`;
  const message = `${source} ${fault}. Each column needs its own name.`;
  throw importError(ImportErrorCode.HeaderInvalid, capitalised(message), { column: faulty });
}

function findColumn(columns: readonly TableColumn[], name: string, table: FoundTable, source: string): TableColumn {
  const column = columns.find((candidate) => candidate.name === name);
  const details = { table: table.name, column: name };
  if (column === undefined) {
    const known = columns.map((candidate) => candidate.name).join(', ');
    const message = `Table ${table.name} has no column ${JSON.stringify(name)}, which ${source} names. It has: ${known}. Names are case-sensitive.`;
    throw importError(ImportErrorCode.ColumnMissing, message, details);
  }
  if (column.is_generated) {
    const message = `Column ${column.quoted} of ${table.name}, which ${source} names, is generated and takes no values. Leave it out of the files.`;
    throw importError(ImportErrorCode.ColumnGenerated, message, details);
  }
  return column;
}

function capitalised(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1);
}
