import { open } from 'node:fs/promises';
import { CSV_HEADER, csvRecord } from './csv-text.ts';
import { makeRow } from './demo-row.ts';
import { seededRandom } from './random.ts';
import { RowChecksum } from './row-checksum.ts';

/** A file that was generated, and what a table loaded from it must hold. */
export interface GeneratedCsv {
  readonly path: string;
  readonly rows: number;
  readonly bytes: number;
  readonly checksum: bigint;
}

/** Written at once: large enough that the number of writes doesn't matter, small enough to stay out of the way. */
const BUFFER_CHARS = 1 << 20;

/**
 * Writes a CSV file of `rows` rows; the same seed gives the same file.
 *
 * @param onMade told of the rows that are made so far, some thousands at a time.
 * @throws the signal's reason when it aborts first.
 */
export async function generateCsv(
  path: string,
  rows: number,
  seed: number,
  signal: AbortSignal,
  onMade: (rows: number) => void = () => undefined,
): Promise<GeneratedCsv> {
  const random = seededRandom(seed);
  const checksum = new RowChecksum();
  const file = await open(path, 'w');
  try {
    let bytes = 0;
    let text = CSV_HEADER;
    for (let id = 1; id <= rows; id += 1) {
      const row = makeRow(id, random);
      checksum.add(row);
      text += csvRecord(row, random);
      if (text.length < BUFFER_CHARS && id < rows) continue;
      signal.throwIfAborted();
      onMade(id);
      bytes += (await file.write(text)).bytesWritten;
      text = '';
    }
    if (text !== '') bytes += (await file.write(text)).bytesWritten;
    return { path, rows, bytes, checksum: checksum.value };
  } finally {
    await file.close();
  }
}
