import { expect, test } from 'vitest';
import { isKnownTaskState, isTerminalTaskState, TaskState } from '../../src/task/task-states.ts';

test('three states are terminal', () => {
  expect(Object.values(TaskState).filter(isTerminalTaskState).toSorted()).toEqual(['failed', 'reverted', 'succeed']);
});

test('an unknown state is in flight, and known to be unknown', () => {
  expect(isTerminalTaskState('hibernating')).toBe(false);
  expect(isKnownTaskState('hibernating')).toBe(false);
  expect(isKnownTaskState('awaiting-resolution')).toBe(true);
});
