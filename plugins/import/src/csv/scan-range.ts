import type { FileHandle } from 'node:fs/promises';
import type { CsvDialect } from './dialect.ts';
import { readFully } from './read-fully.ts';
import type { ByteRange, RangeScan } from './range-scan.ts';
import { lookAheadBytes, lookBehindBytes, RangeScanner } from './range-scanner.ts';

/** What a range is scanned with. */
export interface ScanRangeOptions {
  readonly dialect: CsvDialect;
  /** Size of the whole file in bytes, as it was when its ranges were planned. */
  readonly fileBytes: number;
  /** Looked at between reads. */
  readonly signal?: AbortSignal;
  /** Called after each read with the bytes that it brought. */
  readonly onProgress?: (bytes: number) => void;
}

/**
 * Reads a byte range of a file once and tells where its records end, for every state it may begin in. Takes 1 MiB of
 * memory, whatever the range's size.
 *
 * @param range - may begin and end anywhere, also within a character.
 * @returns plain data for {@link foldChunks}.
 * @throws {CsvError} `CSV_FILE_TRUNCATED` if the file ends before the range does.
 * @throws the signal's reason.
 */
export async function scanRange(file: FileHandle, range: ByteRange, options: ScanRangeOptions): Promise<RangeScan> {
  const { dialect, fileBytes, signal, onProgress } = options;
  const { start, end } = range;
  const contextStart = Math.max(0, start - lookBehindBytes);
  const contextEnd = Math.min(fileBytes, end + lookAheadBytes);
  const before = await readFully(file, Buffer.alloc(start - contextStart), contextStart);
  const after = await readFully(file, Buffer.alloc(contextEnd - end), end);
  const scanner = new RangeScanner(dialect, { start, end, before, after });
  const { buffer } = scanner;
  for (let offset = start; offset < end; offset += buffer.length) {
    signal?.throwIfAborted();
    const piece = await readFully(file, buffer.subarray(0, end - offset), offset);
    scanner.feed(piece);
    onProgress?.(piece.length);
  }
  return scanner.finish();
}
