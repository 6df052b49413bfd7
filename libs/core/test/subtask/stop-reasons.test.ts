import { expect, test } from 'vitest';
import { isClaimable } from '../../src/subtask/claimable.ts';
import { STOP_REASONS, stopEffect, stopReasonOf } from '../../src/subtask/stop-reasons.ts';
import { SubtaskKind } from '../../src/subtask/subtask-kinds.ts';
import { TaskState } from '../../src/task/task-states.ts';

test('each reason means this for what may run again, and for what may not', () => {
  const table = STOP_REASONS.map((reason) => [reason, stopEffect(reason, true), stopEffect(reason, false)]);
  expect(table).toEqual([
    ['cancel', 'canceled', 'canceled'],
    ['pause', 'paused', 'not stopped'],
    ['preempt', 'pending', 'not stopped'],
    ['move', 'pending', 'not stopped'],
    ['shutdown', 'pending', 'not stopped'],
    ['lost-lease', 'left', 'failed'],
    ['timeout', 'failure', 'failed'],
  ]);
});

test('work goes on while its task is modified or awaits resolution, pauses with it, and is canceled with it', () => {
  const table = Object.values(TaskState).map((state) => [state, stopReasonOf(SubtaskKind.work, state)]);
  expect(Object.fromEntries(table)).toEqual({
    pending: null,
    running: null,
    modifying: null,
    'awaiting-resolution': null,
    pausing: 'pause',
    paused: 'pause',
    resuming: 'pause',
    cancelling: 'cancel',
    reverting: 'cancel',
    reverted: 'cancel',
    failed: 'cancel',
    succeed: 'cancel',
  });
});

test('what may start is never stopped for the same state', () => {
  for (const kind of Object.values(SubtaskKind)) {
    for (const state of Object.values(TaskState)) {
      if (isClaimable(kind, state)) expect(stopReasonOf(kind, state)).toBeNull();
    }
  }
});

test('a plan goes on while its task is modified; an answer that nobody waits for any more does not', () => {
  expect(stopReasonOf('plan', 'modifying')).toBeNull();
  expect(stopReasonOf('modify', 'running')).toBe('cancel');
  expect(stopReasonOf('revert', 'cancelling')).toBe('cancel');
  expect(stopReasonOf('gates', 'awaiting-resolution')).toBe('pause');
});

test('a task in a state that this build does not know keeps what runs; one that is gone does not', () => {
  expect(stopReasonOf('work', 'hibernating')).toBeNull();
  expect(stopReasonOf('work', 'gone')).toBe('cancel');
});

test('a tick lasts until nothing but itself keeps the revert waiting', () => {
  expect(stopReasonOf('tick', 'reverting', true)).toBeNull();
  expect(stopReasonOf('tick', 'reverting', false)).toBe('cancel');
  // Only there does it count, and only for ticks.
  for (const state of ['running', 'awaiting-resolution', 'cancelling'])
    expect(stopReasonOf('tick', state, false)).toBeNull();
  expect(stopReasonOf('gates', 'reverting', true)).toBe('cancel');
  expect(stopReasonOf('revert', 'reverting', false)).toBeNull();
});
