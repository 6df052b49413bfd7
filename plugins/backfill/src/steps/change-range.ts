import type { EffectBatches, JsonValue, SubtaskContext } from '@longshore/sdk';
import type { BackfillWork } from '../backfill-work.ts';
import { firstBatchRows } from '../batches/batch-rows.ts';
import { rangeResult, type RangeProgress, type RangeResult } from '../batches/range-progress.ts';
import { runBatches, type BatchRun } from '../batches/run-batches.ts';
import { withTableName } from '../errors/postgres-error.ts';
import type { BackfillTuning } from '../meta/tuning.ts';
import { highestKey } from '../table/walk-keys.ts';
import { rangeWork } from './range-work.ts';
import { readLongWait, waitForWriters } from './wait-for-writers.ts';

/**
 * Changes the rows of one range. What is committed is in the ledger, so another attempt goes on behind the last batch.
 *
 * @param shared - what the ranges of this process share: the pace, and the counters of their summaries.
 * @returns {RangeResult} of all attempts together.
 */
export async function changeRange<Meta extends BackfillTuning, Settings>(
  context: SubtaskContext<Meta, Settings>,
  work: BackfillWork<Meta, Settings>,
  shared: Pick<BatchRun<Meta, Settings>, 'pace' | 'counters'>,
): Promise<JsonValue> {
  const { target, range, plannedAt } = rangeWork.parse(context.subtask.meta);
  const { meta } = context.task;
  const run: BatchRun<Meta, Settings> = { context, work, target, ...shared };
  const start: RangeProgress = {
    after: range.after,
    rows: 0,
    passed: 0,
    batches: 0,
    batchRows: shared.pace.rows ?? firstBatchRows(meta),
  };
  try {
    const outcome = await context
      .connection(meta.connection)
      .effectBatches<RangeProgress, RangeResult>(start, async (batches) => {
        // The ledger knows what was done: an attempt that was killed may not have told the last of it.
        context.progress.add({ rows: Math.max(0, batches.checkpoint.passed - context.progress.rows) });
        const throughKey =
          range.upTo === null ? await followTail(run, batches) : await runToEnd(run, batches, range.upTo, plannedAt);
        const { rows, batches: count } = batches.checkpoint;
        return { rows, batches: count, throughKey };
      });
    return rangeResult.parse(outcome.result);
  } catch (error) {
    throw withTableName(error, target.table);
  }
}

/** A range with an end: everything that was there when it was planned, and what was on its way into it. */
async function runToEnd<Meta extends BackfillTuning, Settings>(
  run: BatchRun<Meta, Settings>,
  batches: EffectBatches<RangeProgress>,
  upTo: string,
  plannedAt: number,
): Promise<string> {
  const { after, batches: done } = batches.checkpoint;
  if (done === 0) await waitForWriters(run.context, run.target, { after, upTo, startedBefore: plannedAt });
  await runBatches(run, batches, upTo);
  return upTo;
}

/**
 * How often the tail looks for more. Each pass has what was added during the one before, which is less and less as long as the
 * backfill is faster than its writers; if it is not, it must end all the same.
 */
const MAX_PASSES = 20;

/**
 * What was added behind the last key: pass by pass up to what is the highest key then, until one is done by a single batch. What is
 * added after that is a matter of writers who set the columns themselves.
 */
async function followTail<Meta extends BackfillTuning, Settings>(
  run: BatchRun<Meta, Settings>,
  batches: EffectBatches<RangeProgress>,
): Promise<string | null> {
  const { context, target } = run;
  const connection = context.connection(context.task.meta.connection);
  for (let pass = 0; pass < MAX_PASSES; pass++) {
    const { after, batches: before } = batches.checkpoint;
    const upTo =
      readLongWait(context, after)?.upTo ?? (await connection.read((client) => highestKey(client, target, after)));
    if (upTo === null) return after;
    // In this order: what was given a key below the highest one has been begun by now.
    await waitForWriters(context, target, { after, upTo, startedBefore: null });
    await runBatches(run, batches, upTo);
    if (batches.checkpoint.batches - before <= 1) return upTo;
  }
  return batches.checkpoint.after;
}
