import { expect, test } from 'vitest';
import { runtimeSlotsOf, slotsPerSubtaskAfter } from '../../src/task/task-changes.ts';

test.each([
  ['a subtask that had all slots has all again', { slots: 3, slotsPerSubtask: 3 }, { slots: 7 }, 7],
  ['also when they shrink', { slots: 9, slotsPerSubtask: 9 }, { slots: 5 }, 5],
  ['any other keeps its number', { slots: 8, slotsPerSubtask: 2 }, { slots: 4 }, 2],
  ['as far as it fits', { slots: 8, slotsPerSubtask: 4 }, { slots: 3 }, 3],
  ['what is asked for counts', { slots: 8, slotsPerSubtask: 8 }, { slotsPerSubtask: 1 }, 1],
  ['up to the task’s slots', { slots: 8, slotsPerSubtask: 8 }, { slots: 4, slotsPerSubtask: 6 }, 4],
])('%s', (_, before, changes, expected) => {
  expect(slotsPerSubtaskAfter(before, changes)).toBe(expected);
});

test.each([
  ['no cap', null, 'load', { slots: 16, slotsPerSubtask: 16 }],
  ['a cap for one step, in it', { max: 12, steps: ['load'] }, 'load', { slots: 12, slotsPerSubtask: 12 }],
  ['a cap for one step, in another', { max: 12, steps: ['load'] }, 'verify', { slots: 16, slotsPerSubtask: 16 }],
  [
    'a cap for one step, where it isn’t known which',
    { max: 12, steps: ['load'] },
    null,
    { slots: 12, slotsPerSubtask: 12 },
  ],
  ['a cap for all steps', { max: 12 }, 'verify', { slots: 12, slotsPerSubtask: 12 }],
  ['a cap above what it has', { max: 20 }, 'load', { slots: 16, slotsPerSubtask: 16 }],
])('%s', (_, runtimeSlots, step, expected) => {
  expect(runtimeSlotsOf({ slots: 16, slotsPerSubtask: 16, runtimeSlots }, step)).toEqual(expected);
});

test('a cap leaves small subtasks as they are', () => {
  expect(runtimeSlotsOf({ slots: 16, slotsPerSubtask: 2, runtimeSlots: { max: 12 } }, 'load')).toEqual({
    slots: 12,
    slotsPerSubtask: 2,
  });
});
