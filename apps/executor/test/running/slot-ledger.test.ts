import { describe, expect, test } from 'vitest';
import { slotLedger } from '../fixtures/node-ground.ts';
import { SlotLedger } from '../../src/running/slot-ledger.ts';

/** A node of ten slots, with places for four control subtasks and for 64 tasks' gates. */
const tenSlots = (): SlotLedger => slotLedger(10);

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
  const [first, second] = [slots.take('1', 4), slots.take('1', 6)];
  const fits = (): readonly number[] => ['1', '2'].map((task) => slots.capacityFor(task, 10, 1, 0));
  expect(fits()).toEqual([0, 0]);
  second.release();
  expect([slots.used, slots.usedBy('1'), ...fits()]).toEqual([4, 4, 6, 6]);
  first.release();
  expect([slots.used, slots.usedBy('1'), ...fits()]).toEqual([0, 0, 10, 10]);
});

test('control subtasks take places of their own and no slots, and who reads gates takes others', () => {
  const slots = tenSlots();
  const state = (): readonly number[] => [slots.used, slots.freePlaces('plan'), slots.freePlaces('gates')];
  const plan = slots.takePlace('plan');
  expect(state()).toEqual([0, 3, 64]);
  const gates = slots.takePlace('gates');
  expect(state()).toEqual([0, 3, 63]);
  plan.release();
  expect(state()).toEqual([0, 4, 63]);
  gates.release();
  expect(state()).toEqual([0, 4, 64]);
});

test('of the control subtasks that wait, those are taken that there are places for, each kind by its own', () => {
  const slots = slotLedger(10, 2);
  slots.takePlace('plan');
  for (let ticks = 0; ticks < 63; ticks++) slots.takePlace('tick');
  const waiting = (['tick', 'plan', 'gates', 'revert', 'tick'] as const).map((kind, id) => ({ id: String(id), kind }));
  expect(slots.fitting(waiting).map(({ kind }) => kind)).toEqual(['tick', 'plan', 'gates']);
  slots.takePlace('tick');
  slots.takePlace('place');
  expect(slots.fitting(waiting).map(({ kind }) => kind)).toEqual(['gates']);
});

test('what is being claimed has its slots already, until the claim has ended', () => {
  const slots = tenSlots();
  slots.take('1', 2);
  const [first, second, third] = [slots.keep('1', 3), slots.keep('1', 1), slots.keep('2', 0)];
  expect([slots.used, slots.free, slots.usedBy('1')]).toEqual([2, 4, 6]);
  expect(['1', '3'].map((task) => slots.capacityFor(task, 8, 1, 0))).toEqual([2, 4]);
  expect(['1', '2', '3'].map((task) => slots.isClaiming(task))).toEqual([true, true, false]);
  first.release();
  expect([slots.free, slots.isClaiming('1')]).toEqual([7, true]);
  second.release();
  third.release();
  expect([slots.free, slots.usedBy('1'), slots.isClaiming('1'), slots.isClaiming('2')]).toEqual([8, 2, false, false]);
});

describe('a lease', () => {
  test('is released once: a second time frees nothing, and is told', () => {
    const told: string[] = [];
    const slots = new SlotLedger(10, (error) => told.push(error.message));
    const [lease, other] = [slots.take('1', 4), slots.take('1', 2)];
    lease.release();
    lease.release();
    lease.resize(7);
    expect([slots.used, slots.usedBy('1'), lease.slots]).toEqual([2, 2, 0]);
    expect(told).toHaveLength(2);
    other.release();
    expect(slots.used).toBe(0);
  });

  test('takes the slots of another over, which ends with that', () => {
    const slots = tenSlots();
    const [lease, more] = [slots.take('1', 4), slots.take('1', 2)];
    lease.absorb(more);
    expect([slots.used, lease.slots, more.slots]).toEqual([6, 6, 0]);
    lease.release();
    expect(slots.used).toBe(0);
  });
});
