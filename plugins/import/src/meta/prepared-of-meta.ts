import { importError } from '../errors/import-error.ts';
import { ImportErrorCode } from '../errors/import-error-code.ts';
import type { ImportMeta } from './import-meta.ts';
import type { InputFile, PreparedImport } from './prepared-import.ts';

/** What `prepare` froze: there in every hook after it. */
export function preparedOfMeta(meta: ImportMeta): PreparedImport {
  if (meta.prepared !== undefined) return meta.prepared;
  throw importError(
    ImportErrorCode.MetaInvalid,
    'The meta lost what prepare had written into it. Submit the import again.',
  );
}

/** The file that a subtask's meta names by its number. */
export function fileOfPrepared(prepared: PreparedImport, index: number): InputFile {
  const file = prepared.files[index];
  if (file !== undefined) return file;
  throw importError(ImportErrorCode.MetaInvalid, `The meta has no file ${index}. Submit the import again.`);
}
