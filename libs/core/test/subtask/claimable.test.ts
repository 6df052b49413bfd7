import { expect, test } from 'vitest';
import { isClaimable } from '../../src/subtask/claimable.ts';
import { SubtaskKind } from '../../src/subtask/subtask-kinds.ts';
import { TaskState } from '../../src/task/task-states.ts';

test('each kind of subtask starts only while its task is in these states', () => {
  const table = Object.values(SubtaskKind).map((kind) => [
    kind,
    Object.values(TaskState).filter((state) => isClaimable(kind, state)),
  ]);
  expect(Object.fromEntries(table)).toEqual({
    work: ['running'],
    prepare: ['pending'],
    plan: ['pending', 'running'],
    finish: ['running'],
    revert: ['reverting'],
    clean: ['succeed', 'failed', 'reverted'],
    modify: ['modifying'],
    gates: ['running'],
    tick: ['running', 'awaiting-resolution'],
    place: ['running'],
  });
});

test('nothing starts while the task is in a state that this build does not know', () => {
  for (const kind of Object.values(SubtaskKind)) expect(isClaimable(kind, 'hibernating')).toBe(false);
});
