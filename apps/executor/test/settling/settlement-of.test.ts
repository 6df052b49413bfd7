import type { ErrorData, SubtaskKind } from '@longshore/core';
import type { TaskForRunner } from '@longshore/store';
import { describe, expect, test } from 'vitest';
import { newRun, type Run } from '../../src/running/run.ts';
import { settlementOf } from '../../src/settling/settlement-of.ts';
import { claim, NODE } from '../fixtures/node-ground.ts';

const FULL: ErrorData = { code: 'TOY_DISK_FULL', message: 'no space left', permanent: false };
const BUSY: ErrorData = { code: 'TOY_BUSY', message: 'come back later', permanent: false };
const STALLED: ErrorData = { code: 'SUBTASK_STALLED', message: 'it made no progress for 10 ms', permanent: false };

/** Pauses its task on a full disk, and tries again a second after anything else that may pass. */
const task: Pick<TaskForRunner, 'retry' | 'pauseOn' | 'gates'> = {
  retry: { maxFailures: 3, initialMs: 1_000, factor: 2, maxMs: 60_000, jitter: 0 },
  pauseOn: ['TOY_DISK_FULL'],
  gates: [],
};

function run(kind: SubtaskKind, changes: Partial<Run> = {}): Run {
  return { ...newRun({ ...claim('7'), kind }, NODE), ...changes };
}

const failed = (error: ErrorData) => ({ ok: false, error, stopped: null, rows: 0, bytes: 0 }) as const;

describe('an error that may pass', () => {
  test('is tried again', () => {
    expect(settlementOf(run('work'), failed(BUSY), task, 0)).toMatchObject({
      how: 'retry',
      error: BUSY,
      afterMs: 1_000,
    });
  });

  test('of the kind that pauses the task is not: the same would be met until somebody has made room', () => {
    expect(settlementOf(run('work'), failed(FULL), task, 0)).toMatchObject({ how: 'fail', error: FULL });
  });

  test('of that kind is not either where it is what a subtask ends with that took too long', () => {
    const overdue = run('work', { stopping: 'timeout', overdue: STALLED });
    expect(settlementOf(overdue, failed(BUSY), task, 0)).toMatchObject({ how: 'retry', error: STALLED });
    const pausing = { ...task, pauseOn: ['SUBTASK_STALLED'] };
    expect(settlementOf(overdue, failed(BUSY), pausing, 0)).toMatchObject({ how: 'fail', error: STALLED });
  });

  test.each<SubtaskKind>(['prepare', 'plan', 'finish', 'revert', 'clean'])(
    'of that kind is tried again in a %s: only work pauses its task',
    (kind) => {
      expect(settlementOf(run(kind), failed(FULL), task, 0)).toMatchObject({
        how: 'retry',
        error: FULL,
        afterMs: 1_000,
      });
    },
  );
});
