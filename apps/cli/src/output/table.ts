import Table from 'cli-table3';
import { plainText } from './plain-text.ts';

/** Nothing but two spaces between columns: readable, and cut by `awk` and `cut` alike. */
const NO_LINES = Object.fromEntries(
  ['top', 'bottom', 'left', 'right', 'mid', 'left-mid', 'mid-mid', 'right-mid']
    .flatMap((name) => (/^(top|bottom)$/.test(name) ? [name, `${name}-mid`, `${name}-left`, `${name}-right`] : [name]))
    .map((name) => [name, '']),
);

/** Rows under a line of headings in capitals, in columns as wide as their longest value. */
export function tableText(head: readonly string[], rows: readonly (readonly (string | number)[])[]): string {
  return gridText(
    head.map((heading) => heading.toUpperCase()),
    rows,
  );
}

/** The same with headings as they are. */
export function gridText(head: readonly string[], rows: readonly (readonly (string | number)[])[]): string {
  const table = new Table({
    head: head.map(plainText),
    chars: { ...NO_LINES, middle: '  ' },
    style: { head: [], border: [], 'padding-left': 0, 'padding-right': 0 },
  });
  for (const row of rows) table.push(row.map((cell) => plainText(String(cell))));
  return withoutTrailingSpaces(table.toString());
}

/** Names and values, one pair a line. */
export function fieldsText(fields: readonly (readonly [string, string | number])[]): string {
  const width = Math.max(...fields.map(([name]) => name.length));
  return fields.map(([name, value]) => `${name.padEnd(width)}  ${plainText(String(value))}`).join('\n');
}

function withoutTrailingSpaces(text: string): string {
  return text
    .split('\n')
    .map((line) => line.trimEnd())
    .join('\n');
}
