import { createWriteStream } from 'node:fs';
import { once } from 'node:events';
import { finished } from 'node:stream/promises';

/** Column definitions of the table that the file fits. */
export const COLUMNS = 'id bigint, customer text, amount numeric(12,2), created timestamptz, note text';

const BLOCK_ROWS = 10_000;
const NOTES = ['plain words', 'with, a comma', 'with "quotes"', '', 'line one\nline two', 'größer als sonst'];

/** Writes a CSV file of about 100 bytes a row; a fifth of the rows have a quoted field. */
export async function writeCsv(path: string, rows: number): Promise<void> {
  const file = createWriteStream(path, { highWaterMark: 4 * 1024 * 1024 });
  for (let first = 1; first <= rows; first += BLOCK_ROWS) {
    let block = '';
    for (let id = first; id < first + BLOCK_ROWS && id <= rows; id++) block += row(id);
    if (!file.write(block)) await once(file, 'drain');
  }
  file.end();
  await finished(file);
}

function row(id: number): string {
  // A cheap mixing of the number: the values only have to differ.
  const mixed = Math.imul(id, 2_654_435_761) >>> 0;
  const note =
    id % 5 === 0 ? quoted(NOTES[mixed % NOTES.length] ?? '') : `note ${mixed} of row ${id}, plain`.replace(',', ' ');
  const day = String((mixed % 28) + 1).padStart(2, '0');
  return `${id},customer-${mixed},${(mixed % 1_000_000) / 100},2026-01-${day} 12:34:56+00,${note}\n`;
}

function quoted(text: string): string {
  return `"${text.replaceAll('"', '""')}"`;
}
