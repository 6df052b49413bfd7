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

describe("a target that can't be reached", () => {
  const gone = {
    ...failed({ code: 'SUBTASK_FAILED', message: 'connect ECONNREFUSED', permanent: true }),
    targetAway: { connection: 'shop', message: 'connection "shop": connect ECONNREFUSED', ranMs: 10 },
  };
  const awayFor = (kind: SubtaskKind, awayForMs: number | null, isIdempotent = true): Run =>
    run(kind, { claimed: { ...claim('7'), kind, awayForMs, isIdempotent } });
  const pausing = { ...task, pauseOn: ['TARGET_UNAVAILABLE'] };

  test.each<SubtaskKind>(['work', 'prepare', 'plan', 'finish', 'revert', 'clean'])('is waited for by a %s', (kind) => {
    expect(settlementOf(awayFor(kind, 9_990), gone, pausing, 0)).toMatchObject({
      how: 'postpone',
      code: 'TARGET_UNAVAILABLE',
      message: 'connection "shop": connect ECONNREFUSED',
      awayForMs: 10_000,
      afterMs: 4_000,
    });
  });

  test('pauses the task when it has been away for long', () => {
    expect(settlementOf(awayFor('work', 3_600_000), gone, pausing, 0)).toMatchObject({
      how: 'fail',
      error: { code: 'TARGET_UNAVAILABLE' },
    });
  });

  test.each<[string, Run, typeof task]>([
    ["a hook of its task, which can't be paused for it", awayFor('revert', 3_600_000), pausing],
    ['work of a task that is not paused for it', awayFor('work', 3_600_000), task],
  ])('is waited for without a limit by %s', (_, one, ending) => {
    expect(settlementOf(one, gone, ending, 0)).toMatchObject({ how: 'postpone' });
  });

  test('fails work that may not start again: something may have been sent', () => {
    expect(settlementOf(awayFor('work', null, false), gone, pausing, 0)).toMatchObject({ how: 'fail' });
  });
});

test('a call that needed the store while it was away is no failure', () => {
  const away = failed({ code: 'STORE_UNAVAILABLE', message: 'Postgres cannot be reached', permanent: false });
  expect(settlementOf(run('work'), away, task, 0)).toMatchObject({ how: 'postpone', code: 'STORE_UNAVAILABLE' });
  const once = run('work', { claimed: { ...claim('7'), isIdempotent: false } });
  expect(settlementOf(once, away, task, 0)).toMatchObject({ how: 'fail' });
});

describe('a result', () => {
  const ended = (bytes: number) => ({ ok: true, result: 'x'.repeat(bytes), rows: 0, bytes: 0 }) as const;

  test('of a prepare may be as large as a meta, which it becomes', () => {
    expect(settlementOf(run('prepare'), ended(256 * 1024), task, 0)).toMatchObject({ how: 'succeed' });
    expect(settlementOf(run('prepare'), ended(321 * 1024), task, 0)).toMatchObject({ how: 'fail' });
  });

  test.each<SubtaskKind>(['work', 'finish'])('of a %s that the store would not take fails it', (kind) => {
    expect(settlementOf(run(kind), ended(64 * 1024), task, 0)).toMatchObject({
      how: 'fail',
      error: { code: 'META_TOO_LARGE', permanent: true },
    });
  });
});

describe('a crash of a process in which it was alone', () => {
  const CRASH = {
    ...failed({ code: 'RUNNER_CRASHED', message: 'ended by SIGSEGV', permanent: false }),
    isCrash: true,
  } as const;
  const suspect = (alone: readonly string[]): Partial<Run> => ({
    isAlone: true,
    crashes: { nodes: ['n2', 'n3'], alone, checkpoint: 4 },
  });

  test('is counted apart from failures, whatever the retry policy says', () => {
    const strict = { ...task, retry: { ...task.retry, maxFailures: 1, nonRetryableCodes: ['RUNNER_CRASHED'] } };
    expect(settlementOf(run('work', suspect(['n2'])), CRASH, strict, 0)).toMatchObject({
      how: 'retry',
      afterMs: 2_000,
      crashes: { nodes: ['n2', 'n3'], alone: ['n2', 'n1'], checkpoint: 4 },
    });
  });

  test('the third fails it for good, by name', () => {
    expect(settlementOf(run('work', suspect(['n2', 'n2'])), CRASH, task, 0)).toMatchObject({
      how: 'fail',
      error: {
        code: 'SUBTASK_CRASHES',
        permanent: true,
        message: expect.stringMatching(/3 times \(on n2, n2, n1\).*SIGSEGV/),
      },
    });
  });

  test('is none when its executor ended it', () => {
    const stopped = { ...suspect(['n2', 'n2']), stopping: 'pause' } as const;
    expect(settlementOf(run('work', stopped), CRASH, task, 0)).toMatchObject({ how: 'pause' });
    const { isCrash: _, ...ended } = CRASH;
    expect(settlementOf(run('work', suspect(['n2', 'n2'])), ended, task, 0)).toMatchObject({ how: 'retry' });
  });

  test('in a runner that others share is a failure, as ever', () => {
    expect(settlementOf(run('work'), CRASH, task, 0)).toMatchObject({
      how: 'retry',
      error: { code: 'RUNNER_CRASHED' },
    });
    expect(settlementOf(run('work'), CRASH, task, 0)).not.toHaveProperty('crashes');
  });
});
