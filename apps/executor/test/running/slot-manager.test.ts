import { describe, expect, test } from 'vitest';
import { SlotManager } from '../../src/running/slot-manager.ts';

/** A node of ten slots, with places for four control subtasks and for 64 tasks' gates. */
const tenSlots = (): SlotManager => new SlotManager(10, 4);

test('what subtasks take is not free any more, whosever they are', () => {
  const slots = tenSlots();
  const free = ['1', '1', '2', '3'].map((task) => {
    slots.take(task, 1);
    return slots.total - slots.used;
  });
  expect(free).toEqual([9, 8, 7, 6]);
  expect(['1', '2', '4'].map((task) => slots.usedBy(task))).toEqual([2, 1, 0]);
});

describe('of a task as many subtasks fit', () => {
  test.each<[behaviour: string, slots: number, slotsPerSubtask: number, promised: number, fit: number]>([
    ['as there are slots for', 10, 1, 0, 6],
    ['as its own slots allow, where more are free', 4, 1, 0, 4],
    ['as the slots leave that are kept for others', 10, 1, 4, 2],
    ['as whole ones of them do', 10, 4, 0, 1],
    ['as none, where not even one does', 10, 7, 0, 0],
    ['as none, where all that is free is kept for others', 10, 1, 6, 0],
    ['as none, and not fewer, where more is kept for others than is free', 10, 1, 9, 0],
  ])('%s', (_, ofTask, perSubtask, promised, fit) => {
    const slots = tenSlots();
    slots.take('1', 4);
    expect(slots.capacityFor('2', ofTask, perSubtask, promised)).toBe(fit);
  });

  test('as its slots leave beside those that run already', () => {
    const slots = tenSlots();
    slots.take('1', 4);
    expect([4, 5, 8].map((ofTask) => slots.capacityFor('1', ofTask, 1, 0))).toEqual([0, 1, 4]);
    // Its slots were lowered to fewer than it runs with.
    expect(slots.capacityFor('1', 3, 1, 0)).toBe(0);
  });
});

test('what a subtask gives back fits again, for its task and for others', () => {
  const slots = tenSlots();
  slots.take('1', 4);
  slots.take('1', 6);
  const fits = (): readonly number[] => ['1', '2'].map((task) => slots.capacityFor(task, 10, 1, 0));
  expect(fits()).toEqual([0, 0]);
  slots.release('1', 6);
  expect([slots.used, slots.usedBy('1'), ...fits()]).toEqual([4, 4, 6, 6]);
  slots.release('1', 4);
  expect([slots.used, slots.usedBy('1'), ...fits()]).toEqual([0, 0, 10, 10]);
});

test('control subtasks take places of their own and no slots, and who reads gates takes others', () => {
  const slots = tenSlots();
  const state = (): readonly number[] => [slots.used, slots.freePlaces('plan'), slots.freePlaces('gates')];
  slots.takeControl('plan');
  expect(state()).toEqual([0, 3, 64]);
  slots.takeControl('gates');
  expect(state()).toEqual([0, 3, 63]);
  slots.releaseControl('plan');
  expect(state()).toEqual([0, 4, 63]);
  slots.releaseControl('gates');
  expect(state()).toEqual([0, 4, 64]);
});

test('of the control subtasks that wait, those are taken that there are places for, each kind by its own', () => {
  const slots = new SlotManager(10, 2);
  slots.takeControl('plan');
  for (let ticks = 0; ticks < 63; ticks++) slots.takeControl('tick');
  const waiting = (['tick', 'plan', 'gates', 'revert', 'tick'] as const).map((kind, id) => ({ id: String(id), kind }));
  expect(slots.fitting(waiting).map(({ kind }) => kind)).toEqual(['tick', 'plan', 'gates']);
  slots.takeControl('tick');
  slots.takeControl('place');
  expect(slots.fitting(waiting).map(({ kind }) => kind)).toEqual(['gates']);
});

test('what is being claimed has its slots already, until the claim has ended', () => {
  const slots = tenSlots();
  slots.take('1', 2);
  slots.claimBegins('1', 3);
  slots.claimBegins('1', 1);
  slots.claimBegins('2', 0);
  expect([slots.used, slots.free, slots.usedBy('1')]).toEqual([2, 4, 6]);
  expect(['1', '3'].map((task) => slots.capacityFor(task, 8, 1, 0))).toEqual([2, 4]);
  expect(['1', '2', '3'].map((task) => slots.isClaiming(task))).toEqual([true, true, false]);
  slots.claimEnds('1', 3);
  expect([slots.free, slots.isClaiming('1')]).toEqual([7, true]);
  slots.claimEnds('1', 1);
  slots.claimEnds('2', 0);
  expect([slots.free, slots.usedBy('1'), slots.isClaiming('1'), slots.isClaiming('2')]).toEqual([8, 2, false, false]);
});
