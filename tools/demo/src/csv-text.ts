import type { DemoRow } from './demo-row.ts';

export const CSV_HEADER = 'id,name,note,amount,created,payload\n';

/** One field in fifty is quoted without need: a reader must not take the quotes for data. */
const NEEDLESS_QUOTES = 0.02;

/** A row as a CSV record of Postgres' dialect: an empty field is NULL, `""` is the empty text. */
export function csvRecord(row: DemoRow, random: () => number): string {
  const created = new Date(row.createdMs).toISOString();
  return `${row.id},${field(row.name, random)},${field(row.note, random)},${row.amount ?? ''},${created},${row.payload}\n`;
}

function field(value: string | null, random: () => number): string {
  if (value === null) return '';
  const mustQuote = value === '' || /[",\n\r]/.test(value);
  return mustQuote || random() < NEEDLESS_QUOTES ? `"${value.replaceAll('"', '""')}"` : value;
}
