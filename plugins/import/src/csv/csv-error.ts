/**
 * What can be wrong with a CSV import before Postgres has seen a byte of it. Each code has one meaning, and none of them
 * goes away by trying again: the file or the options have to change.
 */
export const CsvErrorCode = {
  /** The dialect's characters contradict each other, or Postgres would refuse them. */
  DialectInvalid: 'CSV_DIALECT_INVALID',
  /** Two styles of line ends outside of quotes, as in a file with LF that has one CRLF. */
  MixedLineEnds: 'CSV_MIXED_LINE_ENDS',
  /** A line with nothing but `\.`, at which Postgres up to 17 stops reading without a word. */
  EndOfDataMarker: 'CSV_END_OF_DATA_MARKER',
  /** A quote is open at the end of the file. */
  UnterminatedQuote: 'CSV_UNTERMINATED_QUOTE',
  /** A zero byte, which no text in Postgres can hold. */
  NulByte: 'CSV_NUL_BYTE',
  /** The character that stands for "no quotes" is in a file whose quotes are data. */
  ControlCharacter: 'CSV_CONTROL_CHARACTER',
  /** A record has more lines than are believed. */
  RecordTooLong: 'CSV_RECORD_TOO_LONG',
  /** A header is expected and the file is empty. */
  HeaderMissing: 'CSV_HEADER_MISSING',
  /** The first record does not end within the bytes that a header may take. */
  HeaderTooLong: 'CSV_HEADER_TOO_LONG',
  /** The header is not UTF-8. */
  HeaderEncodingInvalid: 'CSV_HEADER_ENCODING_INVALID',
  /** The file is shorter than it was when its ranges were planned. */
  FileTruncated: 'CSV_FILE_TRUNCATED',
  /** The scanned ranges leave a gap, overlap, or do not cover the file. */
  RangesInvalid: 'CSV_RANGES_INVALID',
} as const;

export type CsvErrorCode = (typeof CsvErrorCode)[keyof typeof CsvErrorCode];

/** Where in the file an error is. */
export interface FilePosition {
  /** Bytes from the start of the file. */
  readonly offset: number;
  /** Line in the file, from 1, as an editor counts it: line ends within quotes count too. */
  readonly line: number;
}

/** A file or a dialect that cannot be imported. Always permanent. */
export class CsvError extends Error {
  readonly code: CsvErrorCode;
  readonly permanent = true;
  /** Null where the error has no single place, as with a dialect. */
  readonly position: FilePosition | null;

  static is(thrown: unknown): thrown is CsvError {
    return thrown instanceof Error && thrown.name === 'CsvError';
  }

  constructor(code: CsvErrorCode, message: string, position: FilePosition | null = null) {
    super(position === null ? message : `${message} (line ${position.line}, byte ${position.offset})`);
    this.name = 'CsvError';
    this.code = code;
    this.position = position;
  }
}
