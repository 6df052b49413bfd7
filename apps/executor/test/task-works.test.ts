import type { RunningTaskState } from '@longshore/store';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { ABORT_GRACE_MS, claim, startOne, succeed, toyTask, worksGround } from './fixtures/works-ground.ts';

/** How long a runner is kept for a task that has nothing here, in milliseconds. */
const IDLE_MS = 5_000;

const states = (state: string): ReadonlyMap<string, RunningTaskState> =>
  new Map([['1', { state, revision: 1, isReserved: true, hasNodes: true, hasOthers: true }]]);

/** A node that works for one task, and has had nothing of it here since 0 by its clock. */
async function oneTask() {
  const ground = worksGround();
  const work = await ground.open(toyTask());
  work.idleSince = 0;
  return { ...ground, work, runner: work.runner };
}

describe('the runner of a task that is not over', () => {
  test('is kept for a while without work, then given back', async () => {
    const { works, givenBack, work, runner } = await oneTask();
    await works.giveBackIdle(states('running'), IDLE_MS - 1);
    expect([works.get('1'), givenBack]).toEqual([work, []]);
    await works.giveBackIdle(states('running'), IDLE_MS);
    expect([works.get('1'), givenBack]).toEqual([undefined, [[runner, 4]]]);
    expect(runner).toMatchObject({ endedTasks: ['1'] });
  });

  test('is kept as long as something runs or is held, however long that takes', async () => {
    const { works, slots, givenBack, work } = await oneTask();
    const muchLater = performance.now() + 1_000 * IDLE_MS;
    startOne({ slots }, work, claim('7'));
    await works.giveBackIdle(states('running'), muchLater);
    work.held.push(claim('8'));
    succeed(work, '7');
    await works.giveBackIdle(states('running'), muchLater);
    expect([works.get('1'), givenBack]).toEqual([work, []]);
  });

  test('is kept for that while anew after each work', async () => {
    const { works, slots, givenBack, work } = await oneTask();
    startOne({ slots }, work, claim('7'));
    succeed(work, '7');
    await works.giveBackIdle(states('running'), IDLE_MS);
    expect([works.get('1'), givenBack]).toEqual([work, []]);
    await works.giveBackIdle(states('running'), work.idleSince + IDLE_MS + 1);
    expect(works.get('1')).toBeUndefined();
  });

  test('is given back at once when it has ended', async () => {
    const { works, givenBack, runner } = await oneTask();
    await runner.terminate();
    await works.giveBackIdle(states('running'), 0);
    expect([works.get('1'), givenBack]).toEqual([undefined, [[runner, 4]]]);
  });
});

describe('a clean-up', () => {
  test('comes before the runner is given back, and by then nobody finds it here', async () => {
    const { works, runners, givenBack } = await oneTask();
    const cleaning = Promise.withResolvers<undefined>();
    runners[0]!.cleanUp = () => cleaning.promise;
    const giving = works.giveBackIdle(states('succeed'), 0);
    expect([works.get('1'), givenBack, runners[0]?.isAlive]).toEqual([undefined, [], true]);
    cleaning.resolve(undefined);
    await giving;
    expect([givenBack, runners[0]?.isAlive]).toEqual([[[runners[0], 4]], true]);
  });

  test('that doesn’t come to an end is ended with its runner', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    onTestFinished(() => void vi.useRealTimers());
    const { works, runners, givenBack } = await oneTask();
    runners[0]!.cleanUp = () => new Promise(() => undefined);
    const giving = works.giveBackIdle(states('succeed'), 0);
    await vi.advanceTimersByTimeAsync(ABORT_GRACE_MS - 1);
    expect([runners[0]?.isAlive, givenBack]).toEqual([true, []]);
    await vi.advanceTimersByTimeAsync(1);
    await giving;
    expect([runners[0]?.isAlive, givenBack]).toEqual([false, [[runners[0], 4]]]);
  });
});

describe('when a node stops', () => {
  test('what doesn’t run any more is cleaned up before its runner ends', async () => {
    const { works, slots, runners, work, open } = await oneTask();
    startOne({ slots }, work, claim('7'));
    await open(toyTask({ id: '2' }));
    const wereAlive: boolean[] = [];
    runners[1]!.cleanUp = () => Promise.resolve(void wereAlive.push(runners[1]!.isAlive));
    await works.close();
    expect(runners).toMatchObject([
      { endedTasks: [], isAlive: false },
      { endedTasks: ['2'], isAlive: false },
    ]);
    expect(wereAlive).toEqual([true]);
  });

  test('what is on its way back to the pool gets there first', async () => {
    const { works, runners, givenBack } = await oneTask();
    const cleaning = Promise.withResolvers<undefined>();
    runners[0]!.cleanUp = () => cleaning.promise;
    const giving = works.giveBackIdle(states('succeed'), 0);
    const backWhenClosed = works.close().then(() => givenBack.length);
    cleaning.resolve(undefined);
    await giving;
    expect(await backWhenClosed).toBe(1);
  });
});

describe('the runner of a task that has nothing here', () => {
  test('is taken for another task of its type, rather than that a new one is started', async () => {
    const { works, runners, givenBack, open } = await oneTask();
    const other = await open(toyTask({ id: '2' }));
    expect(runners).toEqual([other.runner]);
    expect(runners).toMatchObject([{ endedTasks: ['1'] }]);
    expect([works.get('1'), givenBack]).toEqual([undefined, []]);
  });

  test.each([
    ['of another type', { type: 'other' }],
    ['of more slots', { slots: 5 }],
  ])('is not taken for one %s', async (_, changes) => {
    const { works, work, runners, open } = await oneTask();
    await open(toyTask({ id: '2', ...changes }));
    expect([works.get('1'), runners.length]).toEqual([work, 2]);
  });

  test('is kept while something is claimed of it, by whoever claims', async () => {
    const { works, work, slots, runners, givenBack, open } = await oneTask();
    slots.claimBegins('1', 2);
    slots.claimBegins('1', 2);
    slots.claimEnds('1', 2);
    await open(toyTask({ id: '2' }));
    await works.giveBackIdle(states('reverted'), 0);
    expect([works.get('1'), runners[0]?.endedTasks]).toEqual([work, []]);
    slots.claimEnds('1', 2);
    await works.giveBackIdle(states('reverted'), 0);
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
    const { works, givenBack, runner } = await oneTask();
    await works.giveBackIdle(found, 0);
    expect([works.get('1'), givenBack]).toEqual([undefined, [[runner, 4]]]);
    expect(runner).toMatchObject({ endedTasks: ['1'] });
  });

  test('is given back after what still runs in it', async () => {
    const { works, slots, givenBack, work, runner } = await oneTask();
    startOne({ slots }, work, claim('7'));
    await works.giveBackIdle(states('reverted'), 0);
    expect(givenBack).toEqual([]);
    succeed(work, '7');
    await works.giveBackIdle(states('reverted'), 0);
    expect(givenBack).toEqual([[runner, 4]]);
  });
});
