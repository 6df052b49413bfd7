import type { HookContext, Prepared } from '@longshore/sdk';
import { readHeader } from '../csv/read-header.ts';
import type { CsvDialect } from '../csv/dialect.ts';
import { importError } from '../errors/import-error.ts';
import { ImportErrorCode } from '../errors/import-error-code.ts';
import { refuseForeignContent } from '../files/refuse-foreign-content.ts';
import { listFiles } from '../files/list-files.ts';
import { withInput } from '../files/open-input.ts';
import { defaultChunkBytes } from '../meta/chunk-bytes.ts';
import { dialectOfMeta } from '../meta/dialect-of-meta.ts';
import { importMeta, type ImportMeta } from '../meta/import-meta.ts';
import type { ImportSettings } from '../meta/import-settings.ts';
import type { InputFile } from '../meta/prepared-import.ts';
import { chooseColumns } from '../table/choose-columns.ts';
import { findTable } from '../table/find-table.ts';
import { refuseSelfReference } from '../table/self-reference.ts';
import { isTableEmpty } from '../table/table-rows.ts';

/** The framework's limit of a task's meta, in bytes of JSON. */
const MAX_META_BYTES = 256 * 1024;

type Context = HookContext<ImportMeta, ImportSettings>;

/**
 * Looks at the files and the target before anything is changed, and freezes what it found into the meta.
 *
 * @throws {TaskTypeError} for everything that cannot work: see the codes of {@link ImportErrorCode}.
 */
export async function prepareImport(context: Context): Promise<Prepared<ImportMeta>> {
  const meta = importMeta.parse(context.task.meta);
  const { roots } = context.settings;
  const dialect = dialectOfMeta(meta);
  if (meta.header && meta.columns !== undefined) {
    const message = 'Give header or columns, not both: the header of the files names the columns.';
    throw importError(ImportErrorCode.MetaInvalid, message);
  }
  const files = await listFiles([meta.files].flat(), roots, context.signal);
  for (const file of files) {
    context.signal.throwIfAborted();
    await withInput(file, roots, (handle) => refuseForeignContent(handle, file.path));
  }
  const header = meta.header ? await readCommonHeader(files, dialect, context) : null;
  const source = meta.header ? `the header of ${files[0]?.path ?? 'the files'}` : 'the list of columns in the meta';

  return context.connection(meta.connection).read(async (client) => {
    const { oid, ...table } = await findTable(client, meta.table);
    const columns = await chooseColumns(client, { oid, ...table }, header ?? meta.columns ?? null, source);
    if (!(await isTableEmpty(client, table))) {
      const message = `Table ${table.name} has rows already, and an import loads empty tables only. Empty it, or import into another one.`;
      throw importError(ImportErrorCode.TableNotEmpty, message, { table: table.name });
    }
    const totalBytes = files.reduce((sum, file) => sum + file.bytes, 0);
    const chunkBytes = meta.chunkBytes ?? defaultChunkBytes(totalBytes);
    const isOneChunk = files.length === 1 && totalBytes <= chunkBytes;
    if (!isOneChunk) await refuseSelfReference(client, table);
    const prepared = { ...meta, prepared: { files: [...files], table, columns, chunkBytes } };
    checkMetaSize(prepared, files.length, columns.length);
    return { meta: prepared };
  });
}

/** The names in the first file's header, which all others must have as well. */
async function readCommonHeader(
  files: readonly InputFile[],
  dialect: CsvDialect,
  { settings, signal }: Context,
): Promise<readonly string[] | null> {
  let first: readonly string[] | null = null;
  for (const file of files) {
    signal.throwIfAborted();
    const { columns } = await withInput(file, settings.roots, (handle) => readHeader(handle, dialect));
    first ??= columns;
    const different = columns.findIndex((name, i) => name !== first?.[i]);
    if (different < 0 && columns.length === first.length) continue;
    const found = `${columns.length} columns${different < 0 ? '' : `, the ${ordinal(different)} is ${JSON.stringify(columns[different])}`}`;
    const expected = `${first.length} columns${different < 0 ? '' : `, and there it is ${JSON.stringify(first[different] ?? null)}`}`;
    throw importError(
      ImportErrorCode.HeaderDiffers,
      `${file.path} has another header than ${files[0]?.path ?? ''}: ${found}; the other has ${expected}. Import them one by one, or make their headers the same.`,
      { file: file.path },
    );
  }
  return first;
}

function ordinal(index: number): string {
  const suffix = ['st', 'nd', 'rd'][index] ?? 'th';
  return `${index + 1}${suffix}`;
}

function checkMetaSize(meta: ImportMeta, fileCount: number, columnCount: number): void {
  const bytes = Buffer.byteLength(JSON.stringify(meta));
  if (bytes <= MAX_META_BYTES) return;
  const message = `The lists of ${fileCount} files and ${columnCount} columns make a meta of ${bytes} bytes; the limit is ${MAX_META_BYTES}. Import the files in several tasks, or join small files.`;
  throw importError(ImportErrorCode.TooManyFiles, message, { files: fileCount });
}
