import { SummaryCounters, type JsonValue, type StepExecutor, type SubtaskContext } from '@longshore/sdk';
import type { RangeScan } from '../csv/range-scan.ts';
import { scanRange } from '../csv/scan-range.ts';
import { withInput } from '../files/open-input.ts';
import { dialectOfMeta } from '../meta/dialect-of-meta.ts';
import type { ImportMeta } from '../meta/import-meta.ts';
import type { ImportSettings } from '../meta/import-settings.ts';
import { fileOfPrepared, preparedOfMeta } from '../meta/prepared-of-meta.ts';
import { withNothingLoaded } from './nothing-loaded.ts';
import { rangesOf, scanWork } from './scan-work.ts';

/** `bytes` that were read, and `ranges` that were read to their end. */
const counters = new SummaryCounters();

/** Reads parts of files once and tells where their records end, for every state that a range may begin in. */
export const scanStep: StepExecutor<ImportMeta, ImportSettings> = {
  ...counters.hooks,
  async runSubtask(context: SubtaskContext<ImportMeta, ImportSettings>): Promise<JsonValue> {
    const { task, subtask, settings, signal, progress } = context;
    const work = scanWork.parse(context.subtask.meta);
    const prepared = preparedOfMeta(task.meta);
    const file = fileOfPrepared(prepared, work.file);
    const options = {
      dialect: dialectOfMeta(task.meta),
      fileBytes: file.bytes,
      signal,
      onProgress: (bytes: number) => {
        progress.add({ bytes });
        counters.add(subtask.id, { bytes });
      },
    };
    const scans = await withInput(file, settings.roots, async (handle) => {
      const done: RangeScan[] = [];
      for (const range of rangesOf(work, prepared.chunkBytes)) {
        done.push(await scanRange(handle, range, options));
        counters.add(subtask.id, { ranges: 1 });
      }
      return done;
    }).catch(async (error: unknown) => {
      throw await withNothingLoaded(error, context);
    });
    // Plain data; the cast only tells the compiler that interfaces of plain data are JSON.
    return { file: work.file, scans } as unknown as JsonValue;
  },
};
