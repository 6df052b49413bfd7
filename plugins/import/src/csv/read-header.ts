import type { FileHandle } from 'node:fs/promises';
import { CsvError, CsvErrorCode } from './csv-error.ts';
import type { CsvDialect } from './dialect.ts';
import { parseRecord } from './parse-record.ts';

/**
 * What a header may take. Postgres allows 1600 columns with names of 63 bytes, which is a tenth of this; a "header" that is
 * longer is a quote that nothing closes.
 */
const maxHeaderBytes = 1024 * 1024;

/** The first record of a file that has a header. */
export interface CsvHeader {
  /** The names as they stand in the file, without quotes; they may be empty or occur twice. */
  readonly columns: readonly string[];
  /** Offset of the first byte after the header. */
  readonly dataStart: number;
}

/**
 * Reads the column names from a file's first record, behind a byte order mark if there is one.
 *
 * @throws {CsvError} `CSV_HEADER_MISSING` if the file is empty, `CSV_HEADER_TOO_LONG` if the record does not end within
 * 1 MiB, `CSV_UNTERMINATED_QUOTE` if it does not end at all, `CSV_HEADER_ENCODING_INVALID` if a name is not UTF-8.
 */
export async function readHeader(file: FileHandle, dialect: CsvDialect): Promise<CsvHeader> {
  const buffer = Buffer.alloc(maxHeaderBytes);
  let filled = 0;
  let bytesRead: number;
  do {
    ({ bytesRead } = await file.read(buffer, filled, buffer.length - filled, filled));
    filled += bytesRead;
  } while (bytesRead > 0);
  return parseHeader(buffer.subarray(0, filled), dialect, filled < buffer.length);
}

/**
 * The same for bytes in memory.
 *
 * @param bytes - the start of the file.
 * @param isWhole - whether they are all of it.
 * @throws {CsvError} like {@link readHeader}.
 */
export function parseHeader(bytes: Buffer, dialect: CsvDialect, isWhole: boolean): CsvHeader {
  const bomBytes = bytes.indexOf('\ufeff') === 0 ? 3 : 0;
  const content = bytes.subarray(bomBytes);
  if (content.length === 0) {
    throw new CsvError(CsvErrorCode.HeaderMissing, 'The file is empty, but must have a header.');
  }
  const record = parseRecord(content, dialect, isWhole);
  if (record === null && isWhole) {
    const message = 'A quoted name in the header never ends: its closing quote is missing';
    throw new CsvError(CsvErrorCode.UnterminatedQuote, message, { offset: bomBytes, line: 1 });
  }
  if (record === null) {
    const message = `The header does not end within ${bytes.length} bytes; a closing quote may be missing.`;
    throw new CsvError(CsvErrorCode.HeaderTooLong, message);
  }
  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });
  const columns = record.fields.map((field, i) => {
    try {
      return decoder.decode(field.bytes);
    } catch {
      const message = `The name of column ${i + 1} is not UTF-8; convert the file to UTF-8.`;
      throw new CsvError(CsvErrorCode.HeaderEncodingInvalid, message);
    }
  });
  return { columns, dataStart: bomBytes + record.bytes };
}
