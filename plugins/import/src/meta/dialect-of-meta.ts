import { checkDialect, csvDefaults, STAND_IN_QUOTE, tsvDefaults, type CsvDialect } from '../csv/dialect.ts';
import { CsvError } from '../csv/csv-error.ts';
import { importError } from '../errors/import-error.ts';
import { ImportErrorCode } from '../errors/import-error-code.ts';
import type { ImportMeta } from './import-meta.ts';

/**
 * How the files of a meta are written.
 *
 * @throws {TaskTypeError} IMPORT_META_INVALID when its characters contradict each other.
 */
export function dialectOfMeta(meta: ImportMeta): CsvDialect {
  const base = meta.format === 'tsv' ? tsvDefaults : csvDefaults;
  const isQuoted = meta.quote === undefined ? base.isQuoted : meta.quote !== '';
  if (!isQuoted && meta.escape !== undefined) {
    const message = 'Give escape only together with quote: without quotes nothing can be escaped.';
    throw importError(ImportErrorCode.MetaInvalid, message);
  }
  const quote = isQuoted ? (meta.quote ?? base.quote) : STAND_IN_QUOTE;
  const dialect: CsvDialect = {
    delimiter: meta.delimiter ?? base.delimiter,
    quote,
    escape: meta.escape ?? quote,
    isQuoted,
    nullText: meta.nullText,
    header: meta.header,
  };
  try {
    checkDialect(dialect);
  } catch (error) {
    if (!CsvError.is(error)) throw error;
    throw importError(ImportErrorCode.MetaInvalid, `${error.message} Change it in the meta.`, undefined, error);
  }
  return dialect;
}
