import type { RunningTaskState } from '@longshore/store';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { ABORT_GRACE_MS, claim, NodeGround, toyTask } from '../fixtures/node-ground.ts';

/** How long a runner is kept for a task that has nothing here, in milliseconds. */
const IDLE_MS = 5_000;

const states = (state: string): ReadonlyMap<string, RunningTaskState> =>
  new Map([['1', { state, revision: 1, isReserved: true, hasNodes: true, hasOthers: true, isForced: false }]]);

/** A node that works for one task, and has had nothing of it here since 0 by its clock. */
async function oneTask() {
  const ground = new NodeGround();
  const work = await ground.open(toyTask());
  work.idleSince = 0;
  const { givenBack, runners, state } = ground;
  return { ground, givenBack, runners, slots: state.slots, tasks: state.tasks, work, runner: runners[0]! };
}

describe('the runner of a task that is not over', () => {
  test('is kept for a while without work, then given back', async () => {
    const { ground, tasks, givenBack, work, runner } = await oneTask();
    await ground.look(states('running'), IDLE_MS - 1);
    expect([tasks.get('1'), givenBack]).toEqual([work, []]);
    await ground.look(states('running'), IDLE_MS);
    expect([tasks.get('1'), givenBack]).toEqual([undefined, [[runner, 4]]]);
    expect(runner).toMatchObject({ endedTasks: ['1'] });
  });

  test('is kept as long as something runs or is claimed ahead, however long that takes', async () => {
    const { ground, tasks, givenBack, work } = await oneTask();
    const muchLater = performance.now() + 1_000 * IDLE_MS;
    ground.claimed(claim('7'));
    await ground.look(states('running'), muchLater);
    ground.claimed(claim('8'));
    ground.succeed('7');
    await ground.look(states('running'), muchLater);
    expect([tasks.get('1'), givenBack]).toEqual([work, []]);
  });

  test('is kept for that while anew after each work', async () => {
    const { ground, tasks, givenBack, work } = await oneTask();
    ground.claimed(claim('7'));
    ground.succeed('7');
    await ground.look(states('running'), IDLE_MS);
    expect([tasks.get('1'), givenBack]).toEqual([work, []]);
    await ground.look(states('running'), work.idleSince + IDLE_MS + 1);
    expect(tasks.get('1')).toBeUndefined();
  });

  test('is given back at once when it has ended', async () => {
    const { ground, tasks, givenBack, runner } = await oneTask();
    runner.end();
    await ground.look(states('running'), 0);
    expect([tasks.get('1'), givenBack]).toEqual([undefined, [[runner, 4]]]);
  });
});

describe('the runner of a task that has nothing here', () => {
  test('is the next one’s', async () => {
    const { ground, runners } = await oneTask();
    await ground.open(toyTask({ id: '2' }));
    expect(runners).toHaveLength(1);
  });

  test('is no other’s when its type, or what a task left behind, says so', async () => {
    const { ground, runners, runner } = await oneTask();
    ground.claimed(claim('7'));
    ground.succeed('7');
    runner.isReusable = false;
    ground.host('1').checked();
    await ground.open(toyTask({ id: '2' }));
    expect(runners).toHaveLength(2);
    expect(ground.host('1').runner).toBe(runner);
  });

  test('is no other’s after work until it was looked at', async () => {
    const { ground, runners } = await oneTask();
    ground.claimed(claim('7'));
    ground.succeed('7');
    await ground.open(toyTask({ id: '2' }));
    expect(runners).toHaveLength(2);
    ground.host('1').checked();
    await ground.open(toyTask({ id: '3' }));
    expect(runners).toHaveLength(2);
  });
});

describe('a clean-up', () => {
  test('comes before the runner is given back, and by then nobody finds it here', async () => {
    const { ground, tasks, runners, givenBack } = await oneTask();
    const cleaning = Promise.withResolvers<undefined>();
    runners[0]!.cleanUp = () => cleaning.promise;
    const giving = ground.look(states('succeed'), 0);
    expect([tasks.get('1'), givenBack, runners[0]?.isAlive]).toEqual([undefined, [], true]);
    cleaning.resolve(undefined);
    await giving;
    expect([givenBack, runners[0]?.isAlive]).toEqual([[[runners[0], 4]], true]);
  });

  test('that doesn’t come to an end is ended with its runner', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    onTestFinished(() => void vi.useRealTimers());
    const { ground, runners, givenBack } = await oneTask();
    runners[0]!.cleanUp = () => new Promise(() => undefined);
    const giving = ground.look(states('succeed'), 0);
    await vi.advanceTimersByTimeAsync(ABORT_GRACE_MS - 1);
    expect([runners[0]?.isAlive, givenBack]).toEqual([true, []]);
    await vi.advanceTimersByTimeAsync(1);
    await giving;
    expect([runners[0]?.isAlive, givenBack]).toEqual([false, [[runners[0], 4]]]);
  });
});

describe('when a node stops', () => {
  test('what doesn’t run any more is cleaned up before its runner ends', async () => {
    const { ground, runners } = await oneTask();
    ground.claimed(claim('7'));
    await ground.open(toyTask({ id: '2' }));
    const wereAlive: boolean[] = [];
    runners[1]!.cleanUp = () => Promise.resolve(void wereAlive.push(runners[1]!.isAlive));
    await ground.hosts.close();
    expect(runners).toMatchObject([
      { endedTasks: [], isAlive: false },
      { endedTasks: ['2'], isAlive: false },
    ]);
    expect(wereAlive).toEqual([true]);
  });

  test('what is on its way back to the pool gets there first', async () => {
    const { ground, runners, givenBack } = await oneTask();
    const cleaning = Promise.withResolvers<undefined>();
    runners[0]!.cleanUp = () => cleaning.promise;
    const giving = ground.look(states('succeed'), 0);
    const backWhenClosed = ground.hosts.close().then(() => givenBack.length);
    cleaning.resolve(undefined);
    await giving;
    expect(await backWhenClosed).toBe(1);
  });
});

describe('the runner of a task that has nothing here', () => {
  test('is taken for another task of its type, rather than that a new one is started', async () => {
    const { ground, tasks, runners, givenBack } = await oneTask();
    await ground.open(toyTask({ id: '2' }));
    expect(runners).toEqual([ground.host('2').runner]);
    expect(runners).toMatchObject([{ endedTasks: ['1'] }]);
    expect([tasks.get('1'), givenBack]).toEqual([undefined, []]);
  });

  test.each([
    ['of another type', { type: 'other' }],
    ['of more slots', { slots: 5 }],
  ])('is not taken for one %s', async (_, changes) => {
    const { ground, tasks, work, runners } = await oneTask();
    await ground.open(toyTask({ id: '2', ...changes }));
    expect([tasks.get('1'), runners.length]).toEqual([work, 2]);
  });

  test('keeps its memory, whatever the slots of the tasks that it had', async () => {
    const { ground, givenBack, runner, runners } = await oneTask();
    await ground.open(toyTask({ id: '2', slots: 1 }));
    await ground.open(toyTask({ id: '3' }));
    expect(runners).toEqual([ground.host('3').runner]);
    await ground.look(states('succeed'), 0);
    expect(givenBack).toEqual([[runner, 4]]);
  });

  test('is taken by its own memory, not by the slots that its task has got since', async () => {
    const { ground, tasks, work, runners } = await oneTask();
    work.task = { ...work.task, slots: 8 };
    await ground.open(toyTask({ id: '2', slots: 8 }));
    expect([tasks.get('1'), runners.length]).toEqual([work, 2]);
  });

  test('is the smallest that fits, so that larger ones stay for larger tasks', async () => {
    const { ground, runners } = await oneTask();
    const [large] = runners;
    await ground.open(toyTask({ id: '2', slots: 5 }));
    await ground.open(toyTask({ id: '3', slots: 4 }));
    expect(ground.host('3').runner).toBe(large);
    await ground.open(toyTask({ id: '4', slots: 5 }));
    expect(runners).toHaveLength(2);
  });

  test('is kept while something is claimed of it, by whoever claims', async () => {
    const { ground, tasks, work, slots, runners, givenBack } = await oneTask();
    const [first, second] = [slots.keep('1', 2), slots.keep('1', 2)];
    first.release();
    await ground.open(toyTask({ id: '2' }));
    await ground.look(states('reverted'), 0);
    expect([tasks.get('1'), runners[0]?.endedTasks]).toEqual([work, []]);
    second.release();
    await ground.look(states('reverted'), 0);
    expect(givenBack).toContainEqual([runners[0], 4]);
  });
});

describe('the runner of a task that is over', () => {
  test.each([
    ['has succeeded', states('succeed')],
    ['has failed', states('failed')],
    ['was undone', states('reverted')],
    ['has left for history', new Map<string, RunningTaskState>()],
  ])('and %s is given back at once', async (_, found) => {
    const { ground, tasks, givenBack, runner } = await oneTask();
    await ground.look(found, 0);
    expect([tasks.get('1'), givenBack]).toEqual([undefined, [[runner, 4]]]);
    expect(runner).toMatchObject({ endedTasks: ['1'] });
  });

  test('is given back after what still runs in it', async () => {
    const { ground, givenBack, runner } = await oneTask();
    ground.claimed(claim('7'));
    await ground.look(states('reverted'), 0);
    expect(givenBack).toEqual([]);
    ground.succeed('7');
    await ground.look(states('reverted'), 0);
    expect(givenBack).toEqual([[runner, 4]]);
  });
});
