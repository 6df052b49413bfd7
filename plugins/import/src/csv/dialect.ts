import { CsvError, CsvErrorCode } from './csv-error.ts';

/** How a CSV file is written: the options of Postgres' own `COPY … (FORMAT csv)`, which reads it. */
export interface CsvDialect {
  /** Between fields. One ASCII character; a tab makes it TSV. */
  readonly delimiter: string;
  /** Around fields that hold delimiters, quotes or line ends. One ASCII character. */
  readonly quote: string;
  /**
   * Whether quotes mean something. COPY can't be told that none does, so otherwise `quote` and `escape` are a character that stands
   * for none; a file that has it can't be read.
   */
  readonly isQuoted: boolean;
  /** Before a quote that is data. One ASCII character, by default the quote itself (`""`). */
  readonly escape: string;
  /** What an unquoted field says to mean NULL. By default the empty string, so that `""` is an empty string. */
  readonly nullText: string;
  /** Whether the first record names the columns and holds no data. */
  readonly header: boolean;
}

/** RFC 4180 with a header, which is what most programs write. */
export const csvDefaults: CsvDialect = {
  delimiter: ',',
  quote: '"',
  escape: '"',
  isQuoted: true,
  nullText: '',
  header: true,
};

/** DEL, which no text has and no program writes between fields. */
export const STAND_IN_QUOTE = '\x7f';

/**
 * Fields between tabs in which quotes are data, as programs write TSV. Not Postgres' `FORMAT text`, whose backslashes mean
 * something else.
 */
export const tsvDefaults: CsvDialect = {
  ...csvDefaults,
  delimiter: '\t',
  quote: STAND_IN_QUOTE,
  escape: STAND_IN_QUOTE,
  isQuoted: false,
};

/**
 * Throws unless Postgres would accept the dialect and we can find its record ends.
 *
 * The rules are those of `ProcessCopyOptions` in Postgres 15 to 18, and two of our own. A quote or escape that is a line
 * end is allowed there but makes no file readable. A quote that is `\` or `.` would make a line `\.` the end of the data
 * for Postgres 17 and the start of a quoted field for 18.
 *
 * @throws {CsvError} `CSV_DIALECT_INVALID`, naming the option and its value.
 */
export function checkDialect(dialect: CsvDialect): void {
  const { delimiter, quote, escape, nullText } = dialect;
  for (const [option, value] of Object.entries({ delimiter, quote, escape })) {
    if (value.length !== 1 || value.charCodeAt(0) > 0x7f || value === '\0') {
      throw invalid(`${option} must be one ASCII character`, value);
    }
    if (value === '\n' || value === '\r') throw invalid(`${option} cannot be a line end`, value);
  }
  if (delimiter === quote) throw invalid('delimiter and quote must differ', quote);
  if (quote === '\\' || quote === '.') throw invalid('quote cannot be a backslash or a dot', quote);
  if (/[\n\r\0]/.test(nullText)) throw invalid('nullText cannot contain a line end or a zero byte', nullText);
  if (nullText.includes(delimiter)) throw invalid('nullText cannot contain the delimiter', nullText);
  if (nullText.includes(quote)) throw invalid('nullText cannot contain the quote', nullText);
}

function invalid(rule: string, value: string): CsvError {
  return new CsvError(CsvErrorCode.DialectInvalid, `The CSV dialect's ${rule}, not ${JSON.stringify(value)}.`);
}
