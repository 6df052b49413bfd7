import type { SqlClient } from '@longshore/sdk';
import { quoteLiteral } from '@longshore/sdk/postgres';
import type { TargetTable } from '../meta/prepared-import.ts';
import { rowsOf } from './table-rows.ts';

/** A sequence whose next values the table holds already. */
export interface SequenceBehind {
  /** Quoted. */
  readonly column: string;
  /** The statement that sets it behind the last value. */
  readonly setval: string;
}

interface ColumnSequence extends Record<string, unknown> {
  readonly column: string;
  readonly sequence: string;
  readonly isRising: boolean;
  /** Decimal. null: it gave no value yet, or the role may not see it. */
  readonly last: string | null;
  /** Decimal; its first value. */
  readonly start: string;
}

/** Sequences of identity columns, and those that defaults of columns take values from. */
const SEQUENCES = `
  SELECT DISTINCT quote_ident(a.attname) AS column, format('%I.%I', n.nspname, s.relname) AS sequence, q.seqincrement > 0 AS "isRising",
         pg_sequence_last_value(s.oid)::text AS last, q.seqstart::text AS start
    FROM pg_attribute AS a
    LEFT JOIN pg_attrdef AS e ON e.adrelid = a.attrelid AND e.adnum = a.attnum
    JOIN pg_depend AS d ON (d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_class'::regclass AND d.refobjid = a.attrelid
                            AND d.refobjsubid = a.attnum AND d.deptype = 'i')
                        OR (d.classid = 'pg_attrdef'::regclass AND d.objid = e.oid AND d.refclassid = 'pg_class'::regclass)
    JOIN pg_class AS s ON s.relkind = 'S' AND s.oid = CASE WHEN d.deptype = 'i' THEN d.objid ELSE d.refobjid END
    JOIN pg_sequence AS q ON q.seqrelid = s.oid JOIN pg_namespace AS n ON n.oid = s.relnamespace
   WHERE a.attrelid = $1::regclass AND quote_ident(a.attname) = ANY ($2::text[])
     AND a.atttypid IN ('int2'::regtype, 'int4'::regtype, 'int8'::regtype)
   ORDER BY 1`;

/**
 * Sequences that know nothing of the values that were loaded from files: the application's next INSERT would get one of them again.
 *
 * @param columns - those that were loaded, quoted.
 */
export async function findSequencesBehind(
  client: SqlClient,
  table: TargetTable,
  columns: readonly string[],
): Promise<readonly SequenceBehind[]> {
  const { rows } = await client.query<ColumnSequence>(SEQUENCES, [table.name, columns]);
  const behind: SequenceBehind[] = [];
  for (const { column, sequence, isRising, last, start } of rows) {
    const found = await client.query<{ value: string | null }>(
      `SELECT ${isRising ? 'max' : 'min'}(${column})::text AS value FROM ${rowsOf(table)}`,
    );
    const value = found.rows[0]?.value ?? null;
    if (value === null) continue;
    const ahead = isRising ? BigInt(value) - BigInt(last ?? start) : BigInt(last ?? start) - BigInt(value);
    const isBehind = last === null ? ahead >= 0n : ahead > 0n;
    if (isBehind) behind.push({ column, setval: `SELECT setval(${quoteLiteral(sequence)}, ${value})` });
  }
  return behind;
}
