import type { CsvDialect } from './dialect.ts';

/** One field of a record. */
export interface CsvField {
  /** The field's bytes without quotes and escapes. */
  readonly bytes: Buffer;
  /** Whether a part of it was quoted; such a field is never NULL. */
  readonly isQuoted: boolean;
}

/** The record at the start of some bytes. */
export interface ParsedRecord {
  readonly fields: readonly CsvField[];
  /** Bytes up to the next record, with the line end. */
  readonly bytes: number;
}

const lf = 0x0a;
const cr = 0x0d;

/**
 * Parses the first record of some bytes as Postgres would: `CopyReadLineText` finds its end, `CopyReadAttributesCSV` its
 * fields. White space is data; a quote opens and closes anywhere in a field.
 *
 * @param isWhole - whether the file ends with these bytes, and so may the record.
 * @returns null if the record does not end within the bytes: more are needed, or a quote is never closed.
 */
export function parseRecord(bytes: Buffer, dialect: CsvDialect, isWhole: boolean): ParsedRecord | null {
  const delimiter = dialect.delimiter.charCodeAt(0);
  const quote = dialect.quote.charCodeAt(0);
  const escape = dialect.escape.charCodeAt(0);
  const fields: CsvField[] = [];
  let field: number[] = [];
  let isQuoted = false;
  let isInside = false;
  const endField = (): void => {
    fields.push({ bytes: Buffer.from(field), isQuoted });
    field = [];
    isQuoted = false;
  };
  let i = 0;
  for (; i < bytes.length; i++) {
    const byte = bytes[i] ?? 0;
    const next = bytes[i + 1];
    if (isInside && byte === escape && (next === quote || next === escape)) {
      field.push(next);
      i++;
    } else if (byte === quote) {
      isInside = !isInside;
      isQuoted = true;
    } else if (isInside) {
      field.push(byte);
    } else if (byte === delimiter) {
      endField();
    } else if (byte === lf || byte === cr) {
      // Without the next byte, a CR may be the first half of a CRLF.
      if (byte === cr && next === undefined && !isWhole) return null;
      endField();
      return { fields, bytes: i + (byte === cr && next === lf ? 2 : 1) };
    } else {
      field.push(byte);
    }
  }
  if (!isWhole || isInside) return null;
  endField();
  return { fields, bytes: i };
}
