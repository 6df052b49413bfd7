import { checkDialect, csvDefaults, tsvDefaults, type CsvDialect } from '../csv/dialect.ts';
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
  const { delimiter } = meta.format === 'tsv' ? tsvDefaults : csvDefaults;
  const dialect: CsvDialect = {
    delimiter: meta.delimiter ?? delimiter,
    quote: meta.quote,
    escape: meta.escape ?? meta.quote,
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
