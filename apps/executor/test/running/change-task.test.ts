import { LongshoreError } from '@longshore/core';
import { describe, expect, test } from 'vitest';
import { lanesOf } from '../../src/claiming/make-room.ts';
import { claim, nextTurn, NodeGround, toyTask } from '../fixtures/node-ground.ts';

/** How the type's hook answers a change of slots. */
const takesItOver = (): Promise<boolean> => Promise.resolve(true);
const canNotChange = (): Promise<boolean> => Promise.resolve(false);
const notNow = (): Promise<boolean> => Promise.reject(new LongshoreError('INTERNAL', 'not now'));

/** Two subtasks that run with two slots each: four of the node's sixteen. */
async function twoRunning() {
  const ground = new NodeGround();
  const work = await ground.open(toyTask());
  const runner = ground.runners[0]!;
  ground.claimed(claim('7'), claim('8'));
  const { slots } = ground.state;
  return {
    ground,
    runner,
    /**
     * Gives each of them so many slots, or another meta.
     *
     * @returns whether all of it has taken effect. @throws what a hook threw.
     */
    apply: async (slotsPerSubtask: number, meta: unknown = {}): Promise<boolean> => {
      const fresh = toyTask({ slots: 16, slotsPerSubtask, meta, revision: 2, version: 2 });
      const logged = ground.notedOf('log').length;
      const states = new Map([
        ['1', { state: 'running', revision: 2, isReserved: true, hasNodes: true, hasOthers: true, isForced: false }],
      ]);
      await ground.look(states, performance.now());
      expect(ground.notedOf('read-change').at(-1)).toEqual({ do: 'read-change', taskId: '1' });
      ground.node.tell({ kind: 'change-read', taskId: '1', fresh });
      await nextTurn();
      const error = ground.notedOf('log')[logged]?.fields['error'];
      if (error !== undefined) throw error as Error;
      return work.changing === null && work.told === fresh;
    },
    /** What the node has in mind of them. */
    state: () => ({
      used: slots.used,
      ofTask: slots.usedBy('1'),
      lanes: [...lanesOf(ground.state, '1').keys()].map((lane) => lane.lease.slots),
    }),
  };
}

const AS_BEFORE = { used: 4, ofTask: 4, lanes: [2, 2] };

describe('more slots for what runs', () => {
  test('are taken before it is told, and are its own from then on', async () => {
    const { apply, runner, state } = await twoRunning();
    const whenTold: unknown[] = [];
    runner.answer = ({ resource }) => {
      if (resource !== undefined) whenTold.push(resource, state());
      return takesItOver();
    };
    expect(await apply(5)).toBe(true);
    expect(whenTold).toEqual([
      { step: 'sleep', slots: 5, memoryBytes: 5 * 1_024 },
      { ...AS_BEFORE, used: 10, ofTask: 10 },
    ]);
    expect(state()).toEqual({ ...AS_BEFORE, used: 10, ofTask: 10, lanes: [5, 5] });
  });

  test('are given back when a hook throws, and taken again with the next try', async () => {
    const { apply, runner, state } = await twoRunning();
    runner.answer = ({ resource }) => (resource === undefined ? takesItOver() : notNow());
    await expect(apply(5)).rejects.toThrow('not now');
    expect(state()).toEqual(AS_BEFORE);
    runner.answer = takesItOver;
    expect(await apply(5)).toBe(true);
    expect(state()).toMatchObject({ used: 10, lanes: [5, 5] });
  });

  test('are given back where the type can’t change what runs: that is no reason to try again', async () => {
    const { apply, runner, state } = await twoRunning();
    runner.answer = ({ resource }) => (resource === undefined ? takesItOver() : canNotChange());
    expect(await apply(5)).toBe(true);
    expect(state()).toEqual(AS_BEFORE);
  });

  test.each([
    ['takes it over', takesItOver, { used: 5, lanes: [5] }],
    ['can’t change what runs', canNotChange, { used: 2, lanes: [2] }],
    ['throws', notNow, { used: 2, lanes: [2] }],
  ])('are not kept for what ends before the hook %s', async (_, answer, after) => {
    const { apply, runner, ground, state } = await twoRunning();
    runner.answer = ({ resource }) => {
      if (resource === undefined) return takesItOver();
      ground.succeed('8');
      return answer();
    };
    await apply(5).catch(() => undefined);
    expect(state()).toMatchObject(after);
  });
});

describe('fewer slots for what runs', () => {
  test.each([
    ['are free once the hook has taken them over', takesItOver, { ...AS_BEFORE, used: 2, ofTask: 2, lanes: [1, 1] }],
    ['stay its own where the type can’t change what runs', canNotChange, AS_BEFORE],
    ['stay its own when the hook throws', notNow, AS_BEFORE],
  ])('%s', async (_, answer, after) => {
    const { apply, runner, state } = await twoRunning();
    runner.answer = ({ resource }) => {
      if (resource === undefined) return takesItOver();
      expect(state()).toEqual(AS_BEFORE);
      return answer();
    };
    await apply(1).catch(() => undefined);
    expect(runner.changes.filter(({ resource }) => resource !== undefined)).toHaveLength(1);
    expect(state()).toEqual(after);
  });
});

test('when the hook throws over a new meta, slots are left for the next try', async () => {
  const { apply, runner, state } = await twoRunning();
  runner.answer = notNow;
  await expect(apply(5, { speed: 7 })).rejects.toThrow('not now');
  expect(runner.changes).toEqual([{ taskId: '1', isThrottled: false, meta: { speed: 7 } }]);
  expect(state()).toEqual(AS_BEFORE);
});
