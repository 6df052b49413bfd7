import { decideFailure, LongshoreError, MAX_CHECKPOINT_BYTES, type ErrorData, type RetryPolicy } from '@longshore/core';
import type { PlannedStep, Settled } from '@longshore/runner';
import type { PlannedPage, Settlement } from '@longshore/store';
import type { Run } from './run.ts';

/** What a subtask ends with that had to be stopped because its node could not renew its lease. */
const LEASE_LOST: ErrorData = {
  code: 'NODE_LOST',
  message: "its node's lease ran out while it ran, and it may not simply be run again",
  permanent: true,
};

/** A result larger than the store takes would fail its batch: it fails its subtask instead. */
export function checkStoredSize(value: unknown, what: string): void {
  const size = Buffer.byteLength(JSON.stringify(value ?? null));
  if (size <= MAX_CHECKPOINT_BYTES) return;
  throw new LongshoreError('META_TOO_LARGE', `${what} has ${size} bytes, at most ${MAX_CHECKPOINT_BYTES} are stored`);
}

/** What a plan came to, and the rows that are still to be written with it. */
function planOf(run: Run, settled: unknown): { readonly result: unknown; readonly planned: PlannedPage | null } {
  if (run.plan === null) return { result: settled, planned: null };
  const { lastPage, ...result } = settled as PlannedStep;
  return { result, planned: lastPage === null ? null : { step: lastPage.step, rows: run.plan.rowsOf(lastPage) } };
}

/** What is written for the end of a run; null: nothing, somebody else has it. */
export function settlementOf(run: Run, settled: Settled, retry: RetryPolicy): Settlement | null {
  const { claimed, stopping } = run;
  const base = {
    id: claimed.id,
    attempt: run.attempt,
    taskId: claimed.taskId,
    kind: claimed.kind,
    rows: settled.ok ? settled.rows : run.rows,
    bytes: settled.ok ? settled.bytes : run.bytes,
  };
  if (settled.ok) {
    try {
      const { result, planned } = planOf(run, settled.result);
      checkStoredSize(result, `the result of subtask ${claimed.id}`);
      return { ...base, how: 'succeed', result, planned };
    } catch (error) {
      return {
        ...base,
        how: 'fail',
        error: { code: 'META_TOO_LARGE', message: (error as Error).message, permanent: true },
      };
    }
  }
  if (stopping === 'lost-lease') {
    // What may run again is somebody else's by now, or is given back. The rest has ended here, and its row says so if it still can.
    return claimed.isIdempotent ? null : { ...base, how: 'fail', error: LEASE_LOST };
  }
  if (stopping === 'cancel') return { ...base, how: 'cancel' };
  if (!claimed.isIdempotent) return { ...base, how: 'fail', error: settled.error };
  if (stopping !== null) return { ...base, how: 'release', reason: stopping };
  if (settled.isBlameless === true) return { ...base, how: 'hand-back', reason: 'its runner ended' };
  const decision = decideFailure(settled.error, claimed.failures, retry, Math.random());
  return decision.retry
    ? { ...base, how: 'retry', error: settled.error, afterMs: decision.afterMs }
    : { ...base, how: 'fail', error: settled.error };
}
