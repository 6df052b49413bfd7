import type { StatementResult } from '@longshore/postgres';
import { formatCountOf } from '../output/format-values.ts';
import { gridText } from '../output/table.ts';

/** What statements gave, as a person reads it: tables with their number of rows, `INSERT: 3 rows`, `CREATE`. */
export function sqlText(results: readonly StatementResult[]): string {
  return results.map(resultText).join('\n\n');
}

/** The same for a program. */
export function sqlJson(results: readonly StatementResult[]): string {
  return JSON.stringify({
    results: results.map(({ command, rowCount, columns, rows }) => ({
      command,
      rowCount,
      columns,
      rows: rows.map((row) => Object.fromEntries(columns.map((name, index) => [name, row[index] ?? null]))),
    })),
  });
}

function resultText({ command, rowCount, columns, rows }: StatementResult): string {
  if (columns.length > 0) {
    const grid = gridText(
      columns,
      rows.map((row) => row.map((value) => value ?? 'NULL')),
    );
    return `${grid}\n(${formatCountOf(rows.length, 'row')})`;
  }
  return rowCount === null ? command : `${command}: ${formatCountOf(rowCount, 'row')}`;
}
