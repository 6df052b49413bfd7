import { expect, test } from 'vitest';
import { orAborted, pause } from '../../src/index.ts';

const reason = new Error('stopped');
const never = new Promise<never>(() => undefined);

test('what comes before an abort counts', async () => {
  const { signal } = new AbortController();
  await expect(orAborted(Promise.resolve(1), signal)).resolves.toBe(1);
  await expect(orAborted(Promise.reject(reason), signal)).rejects.toBe(reason);
  await expect(pause(-1, signal)).resolves.toBeUndefined();
});

test.each([
  ['a promise', (signal: AbortSignal) => orAborted(never, signal)],
  ['a pause', (signal: AbortSignal) => pause(60_000, signal)],
])('an abort ends the wait for %s', async (_, wait) => {
  const controller = new AbortController();
  const waiting = wait(controller.signal);
  controller.abort(reason);
  await expect(waiting).rejects.toBe(reason);
});

test('a signal that is aborted already is the reason, whatever becomes of the promise', async () => {
  const signal = AbortSignal.abort(reason);
  await expect(orAborted(Promise.resolve(1), signal)).rejects.toBe(reason);
  // A rejection that nobody hears of would fail this file.
  await expect(orAborted(Promise.reject(new Error('late')), signal)).rejects.toBe(reason);
});
