import type { FileHandle } from 'node:fs/promises';
import { CsvError, CsvErrorCode } from './csv-error.ts';

/**
 * Fills a buffer from a position of a file. One `read` may bring less than was asked for.
 *
 * @returns the same buffer.
 * @throws {CsvError} `CSV_FILE_TRUNCATED` if the file ends before the buffer is full.
 */
export async function readFully(file: FileHandle, buffer: Buffer, position: number): Promise<Buffer> {
  for (let filled = 0; filled < buffer.length;) {
    const { bytesRead } = await file.read(buffer, filled, buffer.length - filled, position + filled);
    if (bytesRead === 0) {
      const message = `The file ends at byte ${position + filled}, but had ${position + buffer.length} bytes before.`;
      throw new CsvError(CsvErrorCode.FileTruncated, message);
    }
    filled += bytesRead;
  }
  return buffer;
}
