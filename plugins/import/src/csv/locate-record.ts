import type { FileHandle } from 'node:fs/promises';
import type { CsvDialect } from './dialect.ts';
import type { Chunk } from './fold-chunks.ts';
import type { LineEnd } from './range-scan.ts';
import { readFully } from './read-fully.ts';
import { RecordLocator, type LocatedRecord } from './record-locator.ts';

const readBytes = 256 * 1024;

/** What a record is looked for with. */
export interface LocateOptions {
  readonly dialect: CsvDialect;
  /** The file's line ends, from the {@link ChunkPlan}. */
  readonly lineEnd: LineEnd | null;
  readonly signal?: AbortSignal;
}

/**
 * Finds the record of which Postgres said `COPY t, line 17` by reading the chunk again. That is for the one error that
 * ends an import: it reads some 100 MB/s.
 *
 * @param chunk - what the COPY was fed with.
 * @param copyLine - from {@link parseCopyContext}.
 * @returns the last record of the chunk if the line lies behind it, null if the chunk is empty.
 * @throws {CsvError} `CSV_FILE_TRUNCATED` if the file has become shorter.
 * @throws the signal's reason.
 */
export async function locateRecord(
  file: FileHandle,
  chunk: Chunk,
  copyLine: number,
  options: LocateOptions,
): Promise<LocatedRecord | null> {
  const locator = new RecordLocator(options.dialect, chunk, copyLine, options.lineEnd);
  const buffer = Buffer.allocUnsafe(Math.min(readBytes, chunk.end - chunk.start));
  for (let offset = chunk.start; offset < chunk.end; offset += buffer.length) {
    options.signal?.throwIfAborted();
    const isFound = locator.feed(await readFully(file, buffer.subarray(0, chunk.end - offset), offset));
    if (isFound) break;
  }
  return locator.finish();
}
