import type { EffectBatches, SqlClient, SubtaskContext, SummaryCounters } from '@longshore/sdk';
import { isPostgresError } from '@longshore/sdk/postgres';
import type { BackfillWork } from '../backfill-work.ts';
import { backfillError } from '../errors/backfill-error.ts';
import { BackfillErrorCode } from '../errors/backfill-error-code.ts';
import { BatchFailure, batchFailure } from '../errors/postgres-error.ts';
import type { Key } from '../keys/key-type.ts';
import type { BackfillTuning } from '../meta/tuning.ts';
import { keyTypeOf, type BackfillTarget } from '../table/backfill-target.ts';
import { countKeys, nthKey } from '../table/walk-keys.ts';
import { nextBatchRows, shrunkBatchRows } from './batch-rows.ts';
import { beginBatch } from './batch-session.ts';
import { Contention } from './contention.ts';
import { LockWatch } from './lock-watch.ts';
import type { RangeProgress } from './range-progress.ts';

/** What batches have taught, from one range to the next: a process learns it once. */
export interface Pace {
  /** How many rows a batch may have by now; null: nothing is known yet. */
  rows: number | null;
  /** The part of the rows that the last batch passed which it changed. A batch that changes few costs the task's budget few. */
  changedShare: number;
}

/** What batches need to know. */
export interface BatchRun<Meta extends BackfillTuning, Settings> {
  readonly context: SubtaskContext<Meta, Settings>;
  readonly work: BackfillWork<Meta, Settings>;
  readonly target: BackfillTarget;
  readonly pace: Pace;
  /** `rows` that were passed, `changed` ones, `batches`, and `contended`: batches that others kept from being done. */
  readonly counters: SummaryCounters;
}

/**
 * Changes everything from where the ledger is up to a key, batch by batch.
 *
 * A batch is the rows between two keys, found by a walk along the index, and not a list of rows that were selected before: UPDATE
 * waits for a row that somebody else is changing and then works on what became of it, and a row that came in between meanwhile is taken
 * along. As the keys and the rows move on in one transaction, none is done twice.
 */
export async function runBatches<Meta extends BackfillTuning, Settings>(
  run: BatchRun<Meta, Settings>,
  batches: EffectBatches<RangeProgress>,
  upTo: Key,
): Promise<void> {
  const { context, target } = run;
  const type = keyTypeOf(target);
  let rows = Math.max(context.task.meta.minBatchRows, batches.checkpoint.batchRows);
  const contention = new Contention(context, target.table);
  try {
    for (;;) {
      const { after } = batches.checkpoint;
      if (after !== null && type.compare(after, upTo) >= 0) return;
      // Read for each batch: it may be changed while it runs.
      const { meta } = context.task;
      rows = Math.min(meta.maxBatchRows, rows);
      await context.throttle.beforeBatch({ rows: Math.ceil(rows * run.pace.changedShare), statements: 1 });
      // Only where there was somebody in the way: a look costs a statement in another session.
      const watch = contention.isThere
        ? new LockWatch(context.connection(meta.connection), meta.lockTimeoutMs / 4)
        : null;
      const tried: Tried = { rows, upTo: null };
      try {
        rows = await runBatch(run, batches, upTo, tried, watch);
        contention.end();
      } catch (error) {
        context.signal.throwIfAborted();
        await watch?.stop();
        switch (batchFailure(error)) {
          case BatchFailure.contention:
            run.counters.add(context.subtask.id, { contended: 1 });
            rows = shrunkBatchRows(rows);
            await contention.wait(watch?.holders ?? [], error, tried.rows);
            break;
          case BatchFailure.row:
            // Made smaller until one row is left, so that the error can name it, and all before it are done.
            if (rows === 1) throw rowRefused(target, tried.upTo, error);
            rows = Math.ceil(rows / 4);
            break;
          case BatchFailure.other:
            throw error;
        }
      } finally {
        await watch?.stop();
      }
    }
  } finally {
    contention.end();
  }
}

/** What a batch is about, for when it fails. */
interface Tried {
  /** How many rows it may have. */
  readonly rows: number;
  /** Its last key; null: it did not come so far. */
  upTo: Key | null;
}

/** @returns how many rows the next one may have. */
async function runBatch<Meta extends BackfillTuning, Settings>(
  run: BatchRun<Meta, Settings>,
  batches: EffectBatches<RangeProgress>,
  upTo: Key,
  tried: Tried,
  watch: LockWatch | null,
): Promise<number> {
  const { context, pace } = run;
  const { meta } = context.task;
  const before = batches.checkpoint;
  const begun = performance.now();
  const moved = await batches.batch(async (client, from) => {
    const pid = await beginBatch(client, meta.lockTimeoutMs);
    watch?.start(pid);
    return changeNext(run, client, from, upTo, tried);
  });
  const elapsedMs = performance.now() - begun;
  const passed = moved.passed - before.passed;
  context.progress.add({ rows: passed });
  run.counters.add(context.subtask.id, { rows: passed, changed: moved.rows - before.rows, batches: 1 });
  if (passed > 0) pace.changedShare = Math.min(1, (moved.rows - before.rows) / passed);
  // A short piece at the end of the range says nothing about a whole batch.
  if (passed < tried.rows) return tried.rows;
  pace.rows = nextBatchRows(tried.rows, elapsedMs, meta);
  return pace.rows;
}

/** The rows of one batch, from a key on. @returns where that leads. */
async function changeNext<Meta extends BackfillTuning, Settings>(
  { context, work, target }: BatchRun<Meta, Settings>,
  client: SqlClient,
  from: RangeProgress,
  upTo: Key,
  tried: Tried,
): Promise<RangeProgress> {
  const last = await nthKey(client, target, { after: from.after, upTo }, tried.rows);
  const range = { after: from.after, upTo: last ?? upTo };
  tried.upTo = range.upTo;
  const passed = last === null ? await countKeys(client, target, range) : tried.rows;
  const changed = passed === 0 ? 0 : await work.change(client, target, range, context);
  return {
    after: range.upTo,
    rows: from.rows + changed,
    passed: from.passed + passed,
    batches: from.batches + 1,
    batchRows: tried.rows,
  };
}

function rowRefused(target: BackfillTarget, key: Key | null, error: unknown): Error {
  const reason = error instanceof Error ? error.message : String(error);
  const server = isPostgresError(error) ? error : null;
  const message = `The row of ${target.table} with ${target.key} = ${key ?? '?'} cannot be changed: ${reason}${server?.detail === undefined ? '' : ` (${server.detail})`}. Rows before it are done. Correct this row, or submit a backfill whose where excludes it.`;
  return backfillError(
    BackfillErrorCode.RowRefused,
    message,
    {
      table: target.table,
      key,
      ...(server !== null && { sqlstate: server.code }),
      ...(server?.constraint !== undefined && { constraint: server.constraint }),
    },
    error,
  );
}
