import type { PlanContext, PlannedSubtask } from '@longshore/sdk';
import type { ImportMeta } from '../meta/import-meta.ts';
import { preparedOfMeta } from '../meta/prepared-of-meta.ts';
import type { ScanWork } from './scan-work.ts';

/** Ranges of one subtask at most: their scans, of about 1 KiB each, are its result, which may have 64 KiB. */
const MAX_RANGES = 16;

/** Subtasks for every slot, so that a slow one does not keep the step waiting. */
const SUBTASKS_PER_SLOT = 2;

/** Divides the files that are larger than one chunk. The others have one chunk without looking. */
export function* planScan(context: PlanContext<ImportMeta>): Generator<PlannedSubtask> {
  const { files, chunkBytes } = preparedOfMeta(context.task.meta);
  const large = [...files.entries()].filter(([, { bytes }]) => bytes > chunkBytes);
  const ranges = large.reduce((sum, [, { bytes }]) => sum + Math.ceil(bytes / chunkBytes), 0);
  const wanted = Math.ceil(ranges / (context.nodeCount * context.task.slots * SUBTASKS_PER_SLOT));
  const partBytes = chunkBytes * Math.min(MAX_RANGES, Math.max(1, wanted));
  for (const [file, { bytes }] of large) {
    for (let start = 0; start < bytes; start += partBytes) {
      const end = Math.min(start + partBytes, bytes);
      yield { meta: { file, start, end } satisfies ScanWork, bytes: end - start };
    }
  }
}
