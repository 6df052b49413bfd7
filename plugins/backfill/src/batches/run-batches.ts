import type { EffectBatches, SqlClient, SubtaskContext } from '@longshore/sdk';
import type { BackfillWork } from '../backfill-work.ts';
import { backfillError } from '../errors/backfill-error.ts';
import { BackfillErrorCode } from '../errors/backfill-error-code.ts';
import { BatchFailure, batchFailure, isPostgresError } from '../errors/postgres-error.ts';
import type { Key } from '../keys/key-type.ts';
import type { BackfillTuning } from '../meta/tuning.ts';
import { keyTypeOf, type BackfillTarget } from '../table/backfill-target.ts';
import { countKeys, nthKey } from '../table/walk-keys.ts';
import { nextBatchRows, retryDelayMs, shrunkBatchRows } from './batch-rows.ts';
import { beginBatch } from './batch-session.ts';
import { describeHolders } from './describe-holders.ts';
import { LockWatch } from './lock-watch.ts';
import { pause } from './pause.ts';
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
}

/** From this many failures in a row on it is no bad luck, and is shown as what the subtask waits for. */
const SHOWN_FAILURES = 3;

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
  const { meta } = context.task;
  const type = keyTypeOf(target);
  let rows = Math.min(meta.maxBatchRows, Math.max(meta.minBatchRows, batches.checkpoint.batchRows));
  let failures = 0;
  let endWaiting: (() => void) | null = null;
  try {
    for (;;) {
      const before = batches.checkpoint;
      const { after } = before;
      if (after !== null && type.compare(after, upTo) >= 0) return;
      await context.throttle.beforeBatch({ rows: Math.ceil(rows * run.pace.changedShare), statements: 1 });
      const watch = failures === 0 ? null : new LockWatch(context.connection(meta.connection), meta.lockTimeoutMs / 4);
      const begun = performance.now();
      const tried = { rows, upTo: null as Key | null };
      try {
        const moved = await batches.batch(async (client, from) => {
          const pid = await beginBatch(client, meta.lockTimeoutMs);
          watch?.start(pid);
          return changeNext(run, client, from, { rows, upTo, tried });
        });
        const passed = moved.passed - before.passed;
        context.progress.add({ rows: passed });
        if (passed > 0) run.pace.changedShare = Math.min(1, (moved.rows - before.rows) / passed);
        failures = 0;
        endWaiting?.();
        endWaiting = null;
        // A short piece at the end of the range says nothing about a whole batch.
        if (passed >= rows) {
          rows = nextBatchRows(rows, performance.now() - begun, meta);
          run.pace.rows = rows;
        }
      } catch (error) {
        context.signal.throwIfAborted();
        failures += 1;
        switch (batchFailure(error)) {
          case BatchFailure.contention:
            await watch?.stop();
            rows = shrunkBatchRows(rows);
            if (failures >= SHOWN_FAILURES) {
              endWaiting?.();
              endWaiting = context.waiting({
                code: 'LOCK_HELD',
                message: describeHolders(target.table, watch?.holders ?? [], error),
              });
            }
            await pause(retryDelayMs(failures), context.signal);
            break;
          case BatchFailure.row:
            // Halved until one row is left, so that the error can name it, and all before it are done.
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
    endWaiting?.();
  }
}

/** The rows of one batch, from a key on. @returns where that leads. */
async function changeNext<Meta extends BackfillTuning, Settings>(
  { context, work, target }: BatchRun<Meta, Settings>,
  client: SqlClient,
  from: RangeProgress,
  { rows, upTo, tried }: { readonly rows: number; readonly upTo: Key; readonly tried: { upTo: Key | null } },
): Promise<RangeProgress> {
  const last = await nthKey(client, target, { after: from.after, upTo }, rows);
  const range = { after: from.after, upTo: last ?? upTo };
  tried.upTo = range.upTo;
  const passed = last === null ? await countKeys(client, target, range) : rows;
  const changed = passed === 0 ? 0 : await work.change(client, target, range, context);
  return {
    after: range.upTo,
    rows: from.rows + changed,
    passed: from.passed + passed,
    batches: from.batches + 1,
    batchRows: rows,
  };
}

function rowRefused(target: BackfillTarget, key: Key | null, error: unknown): Error {
  const reason = error instanceof Error ? error.message : String(error);
  const server = isPostgresError(error) ? error : null;
  const message = `The row of ${target.table} with ${target.key} = ${key ?? '?'} cannot be changed: ${reason}${server?.detail === undefined ? '' : ` (${server.detail})`}. Rows before it are done. Mend this row, or submit a backfill whose where leaves it out.`;
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
