import type { PlanContext, PlannedSubtask } from '@longshore/sdk';
import { foldChunks } from '../csv/fold-chunks.ts';
import type { RangeScan } from '../csv/range-scan.ts';
import { withFileName } from '../errors/import-error.ts';
import type { ImportMeta } from '../meta/import-meta.ts';
import { fileOfPrepared, preparedOfMeta } from '../meta/prepared-of-meta.ts';
import type { LoadWork } from './load-work.ts';
import { scanResult } from './scan-work.ts';

/**
 * Makes one subtask per chunk: the scans of a large file fold into chunks that end where records end, a small file is one.
 *
 * @throws {TaskTypeError} with the file, line and code of what the scans found wrong, such as IMPORT_UNTERMINATED_QUOTE.
 */
export async function* planLoad(context: PlanContext<ImportMeta>): AsyncGenerator<PlannedSubtask> {
  const { files, chunkBytes } = preparedOfMeta(context.task.meta);
  for (const [file, { bytes }] of files.entries()) {
    // Nothing to load; a header, if one was expected, was found by prepare.
    if (bytes === 0 || bytes > chunkBytes) continue;
    yield { meta: { file, chunk: null } satisfies LoadWork, bytes };
  }
  // The scans come in the order of their plan: file by file, from start to end.
  let current: { readonly file: number; readonly scans: RangeScan[] } | null = null;
  for await (const { result } of context.previousSubtasks('scan')) {
    const { file, scans } = scanResult.parse(result);
    if (current !== null && current.file !== file) {
      yield* chunksOf(context.task.meta, current.file, current.scans);
      current = null;
    }
    current ??= { file, scans: [] };
    current.scans.push(...(scans as RangeScan[]));
  }
  if (current !== null) yield* chunksOf(context.task.meta, current.file, current.scans);
}

function* chunksOf(meta: ImportMeta, file: number, scans: readonly RangeScan[]): Generator<PlannedSubtask> {
  const prepared = preparedOfMeta(meta);
  const { path, bytes: fileBytes } = fileOfPrepared(prepared, file);
  try {
    // Which files were scanned, and in which ranges, stays as it was; only where they are cut may have been changed since.
    const targetChunkBytes = meta.chunkBytes ?? prepared.chunkBytes;
    const options = { fileBytes, header: meta.header, targetChunkBytes, maxRecordLines: meta.maxRecordLines };
    const { chunks, lineEnd } = foldChunks(scans, options);
    for (const chunk of chunks) {
      const work: LoadWork = { file, chunk: { ...chunk, lineEnd } };
      yield { meta: work, rows: chunk.records, bytes: chunk.end - chunk.start };
    }
  } catch (error) {
    throw withFileName(error, path);
  }
}
