import {
  crashesError,
  decideFailure,
  isPlannedKind,
  LongshoreError,
  MAX_CHECKPOINT_BYTES,
  MAX_META_BYTES,
  retryWaitMs,
  stopEffect,
  waitForTarget,
  wantedLongLived,
  withCrashAlone,
  type ErrorData,
} from '@longshore/core';
import type { PlacedStep, PlannedStep, Settled, TargetAway } from '@longshore/runner';
import type { PlannedPage, Settlement, TaskForRunner } from '@longshore/store';
import type { Run } from '../running/run.ts';

/** The error of a subtask that was stopped because its node could not renew its lease. */
const LEASE_LOST: ErrorData = {
  code: 'NODE_LOST',
  message: "its node's lease ran out while it ran, and it may not simply be run again",
  permanent: true,
};

/** When a subtask looks again whose call needed the store while it was away, in milliseconds: not all at once with the results that waited. */
const STORE_BACK_MS = 1_000;

/** A result larger than the store takes would fail its batch: it fails its subtask instead. */
export function checkStoredSize(value: unknown, what: string, limit = MAX_CHECKPOINT_BYTES): void {
  const size = Buffer.byteLength(JSON.stringify(value ?? null));
  if (size <= limit) return;
  throw new LongshoreError('META_TOO_LARGE', `${what} has ${size} bytes; the limit is ${limit}`);
}

/** What a plan or a placement came to, with the membership that it holds for. */
function resultOf({ claimed, candidates }: Run, settled: unknown): unknown {
  if (claimed.kind !== 'plan' && claimed.kind !== 'place') return settled;
  return { ...(settled as PlacedStep | PlannedStep), placedFor: candidates?.membership };
}

/** The part of a task that decides about an end. */
type EndingTask = Pick<TaskForRunner, 'retry' | 'pauseOn' | 'gates'> & {
  /** Hooks of its type. Default none. */
  readonly hooks?: readonly string[];
};

/**
 * What is written for the end of a run; null: nothing, somebody else has it.
 *
 * @param chance a number in [0, 1), for the wait before another try.
 * @param planned for a plan: the rows that are still to be written with its end. Default: none.
 */
export function settlementOf(
  run: Run,
  settled: Settled,
  task: EndingTask,
  chance: number,
  planned: PlannedPage | null = null,
): Settlement | null {
  const { claimed, stopping } = run;
  const base = {
    id: claimed.id,
    attempt: run.attempt,
    taskId: claimed.taskId,
    kind: claimed.kind,
    rows: settled.ok ? settled.rows : run.rows,
    bytes: settled.ok ? settled.bytes : run.bytes,
    kept: settled.ok ? null : (settled.kept ?? run.kept),
  };
  if (settled.ok) {
    try {
      const result = resultOf(run, settled.result);
      // What `prepare` returns becomes the task's meta, and may be as large as one, with room for the rest of it.
      const limit = claimed.kind === 'prepare' ? MAX_META_BYTES + MAX_CHECKPOINT_BYTES : MAX_CHECKPOINT_BYTES;
      checkStoredSize(result, `the result of subtask ${claimed.id}`, limit);
      // What goes on beside the steps is added by the owner, with the first of them.
      const wish = { hasGates: task.gates.length > 0, type: { hooks: task.hooks ?? [] } };
      const startsStep = claimed.kind === 'plan' && wantedLongLived(wish).length === 0;
      return { ...base, how: 'succeed', result, planned, startsStep };
    } catch (error) {
      return {
        ...base,
        how: 'fail',
        error: { code: 'META_TOO_LARGE', message: (error as Error).message, permanent: true },
      };
    }
  }
  if (stopping !== null) return stoppedSettlement(run, settled.error, task, base, chance);
  const { postponed } = settled;
  if (postponed !== undefined && postponed !== null) return { ...base, how: 'postpone', ...postponed };
  if (!claimed.isIdempotent) return { ...base, how: 'fail', error: settled.error };
  if (settled.targetAway != null) return awaitTarget(run, settled.targetAway, task, base, chance);
  // It is written once the store is back, and nothing of it is the subtask's fault.
  const { code, message } = settled.error;
  if (code === 'STORE_UNAVAILABLE') return { ...base, how: 'postpone', code, message, afterMs: STORE_BACK_MS };
  if (settled.isBlameless === true) return { ...base, how: 'hand-back', reason: 'its runner ended' };
  if (settled.isCrash === true && run.isAlone) return crash(run, settled.error, task, base, chance);
  return failure(run, settled.error, task, base, chance);
}

/** It waits for its target, and a person is asked after a while: by a pause of its task, where its type's tasks know this one. */
function awaitTarget(
  { claimed }: Run,
  { message, ranMs }: TargetAway,
  { pauseOn }: EndingTask,
  base: Base,
  chance: number,
): Settlement {
  const code = 'TARGET_UNAVAILABLE';
  const wait = waitForTarget(claimed.awayForMs, ranMs, chance);
  if (wait.isOverLimit && isPlannedKind(claimed.kind) && pauseOn.includes(code))
    return { ...base, how: 'fail', error: { code, message, permanent: false } };
  return { ...base, how: 'postpone', code, message, afterMs: wait.afterMs, awayForMs: wait.awayForMs };
}

type Base = Pick<Settlement, 'id' | 'attempt' | 'taskId' | 'kind' | 'rows' | 'bytes' | 'kept'>;

/** What a stop comes to, by the table of the core. */
function stoppedSettlement(
  run: Run,
  error: ErrorData,
  task: EndingTask,
  base: Base,
  chance: number,
): Settlement | null {
  const reason = run.stopping ?? 'cancel';
  const effect = stopEffect(reason, run.claimed.isIdempotent);
  switch (effect) {
    case 'canceled':
      return { ...base, how: 'cancel' };
    case 'paused':
      return { ...base, how: 'pause' };
    case 'pending':
      return { ...base, how: 'release', reason };
    case 'failure':
      return failure(run, run.overdue ?? error, task, base, chance);
    case 'failed':
      return { ...base, how: 'fail', error: run.overdue ?? LEASE_LOST };
    case 'left':
      return null;
    case 'not stopped':
      // Its runner ended under it.
      return { ...base, how: 'fail', error };
  }
}

/** It crashed a process in which it was alone. Counted apart from failures, whatever the retry policy says. */
function crash(
  { crashes, identity }: Run,
  error: ErrorData,
  { retry }: EndingTask,
  base: Base,
  chance: number,
): Settlement {
  const record = withCrashAlone(crashes ?? { nodes: [], alone: [], checkpoint: null }, identity.id);
  const failed = crashesError(record, error);
  if (failed !== null) return { ...base, how: 'fail', error: failed };
  const afterMs = retryWaitMs(retry, record.alone.length - 1, chance);
  return { ...base, how: 'retry', error, afterMs, crashes: record };
}

/** An error that pauses its task is not tried again: it would come again until somebody has made room. */
function failure(
  { claimed }: Run,
  error: ErrorData,
  { retry, pauseOn }: EndingTask,
  base: Base,
  chance: number,
): Settlement {
  const decision =
    isPlannedKind(claimed.kind) && pauseOn.includes(error.code)
      ? ({ retry: false } as const)
      : decideFailure(error, claimed.failures, retry, chance);
  return decision.retry ? { ...base, how: 'retry', error, afterMs: decision.afterMs } : { ...base, how: 'fail', error };
}
