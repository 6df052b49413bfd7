import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { startLoop, type WakeableLoop } from '../src/wakeable-loop.ts';

/** A loop whose rounds the test ends by hand. */
function loopOf(): {
  readonly loop: WakeableLoop;
  readonly abort: AbortController;
  readonly rounds: PromiseWithResolvers<boolean>[];
  readonly errors: unknown[];
} {
  const rounds: PromiseWithResolvers<boolean>[] = [];
  const errors: unknown[] = [];
  const abort = new AbortController();
  const loop = startLoop({
    intervalMs: 1_000,
    signal: abort.signal,
    onError: (error) => errors.push(error),
    round: () => {
      const round = Promise.withResolvers<boolean>();
      rounds.push(round);
      return round.promise;
    },
  });
  return { loop, abort, rounds, errors };
}

/** Lets everything run that waits for no timer. */
const settle = (): Promise<unknown> => vi.advanceTimersByTimeAsync(0);

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

test('it begins at once, then looks every interval', async () => {
  const { rounds } = loopOf();
  expect(rounds).toHaveLength(1);
  rounds[0]?.resolve(false);
  await vi.advanceTimersByTimeAsync(999);
  expect(rounds).toHaveLength(1);
  await vi.advanceTimersByTimeAsync(1);
  expect(rounds).toHaveLength(2);
});

test('a round that has more to do is followed by the next at once', async () => {
  const { rounds } = loopOf();
  rounds[0]?.resolve(true);
  await settle();
  expect(rounds).toHaveLength(2);
});

test('the interval counts from the end of a round, and rounds never overlap', async () => {
  const { rounds } = loopOf();
  await vi.advanceTimersByTimeAsync(10_000);
  expect(rounds).toHaveLength(1);
  rounds[0]?.resolve(false);
  await vi.advanceTimersByTimeAsync(999);
  expect(rounds).toHaveLength(1);
});

describe('a wake', () => {
  test('in a pause begins the next round at once', async () => {
    const { loop, rounds } = loopOf();
    rounds[0]?.resolve(false);
    await settle();
    loop.wake();
    await settle();
    expect(rounds).toHaveLength(2);
  });

  test('during a round is not lost: one more follows, however often it was woken', async () => {
    const { loop, rounds } = loopOf();
    loop.wake();
    loop.wake();
    await settle();
    expect(rounds).toHaveLength(1);
    rounds[0]?.resolve(false);
    await settle();
    expect(rounds).toHaveLength(2);
    rounds[1]?.resolve(false);
    await vi.advanceTimersByTimeAsync(999);
    expect(rounds).toHaveLength(2);
  });

  test('in the last moment of a pause does not begin two rounds', async () => {
    const { loop, rounds } = loopOf();
    rounds[0]?.resolve(false);
    await vi.advanceTimersByTimeAsync(999);
    loop.wake();
    await vi.advanceTimersByTimeAsync(1);
    expect(rounds).toHaveLength(2);
  });
});

describe('an error', () => {
  test('is told, and the next round waits for the interval', async () => {
    const { rounds, errors } = loopOf();
    rounds[0]?.reject(new Error('away'));
    await vi.advanceTimersByTimeAsync(999);
    expect(errors).toEqual([new Error('away')]);
    expect(rounds).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(1);
    expect(rounds).toHaveLength(2);
  });

  test('keeps its pause however often it is woken, so that a broken dependency is not hammered', async () => {
    const { loop, rounds } = loopOf();
    loop.wake();
    rounds[0]?.reject(new Error('away'));
    for (let count = 0; count < 9; count++) {
      loop.wake();
      await vi.advanceTimersByTimeAsync(100);
    }
    expect(rounds).toHaveLength(1);
    await vi.advanceTimersByTimeAsync(100);
    expect(rounds).toHaveLength(2);
  });

  test('of a round that was aborted is nobody’s', async () => {
    const { loop, abort, rounds, errors } = loopOf();
    abort.abort();
    rounds[0]?.reject(new Error('aborted'));
    await loop.done;
    expect(errors).toEqual([]);
  });
});

describe('an abort', () => {
  test('in a pause ends it at once and leaves no timer', async () => {
    const { loop, abort, rounds } = loopOf();
    rounds[0]?.resolve(false);
    await settle();
    abort.abort();
    await loop.done;
    expect(vi.getTimerCount()).toBe(0);
    loop.wake();
    await settle();
    expect(rounds).toHaveLength(1);
  });

  test('in the pause after an error ends it at once', async () => {
    const { loop, abort, rounds } = loopOf();
    rounds[0]?.reject(new Error('away'));
    await settle();
    abort.abort();
    await loop.done;
    expect(vi.getTimerCount()).toBe(0);
  });

  test('during a round ends with that round, whatever it has left to do', async () => {
    const { loop, abort, rounds } = loopOf();
    let isDone = false;
    void loop.done.then(() => (isDone = true));
    abort.abort();
    await settle();
    expect(isDone).toBe(false);
    rounds[0]?.resolve(true);
    await loop.done;
    expect(rounds).toHaveLength(1);
  });

  test('before the start means no round at all', async () => {
    const round = vi.fn<() => Promise<boolean>>();
    await startLoop({ intervalMs: 1_000, signal: AbortSignal.abort(), onError: () => undefined, round }).done;
    expect(round).not.toHaveBeenCalled();
  });
});
