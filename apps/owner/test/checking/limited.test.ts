import { expect, test } from 'vitest';
import { limited } from '../../src/checking/limited.ts';

/** Waits without using the processor, as a thread does to which a busy machine gives no time. */
function getNoTime(): void {
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 60_000);
}

test('gives what the work gives, and throws what it throws', () => {
  expect(limited(1_000, () => 'done')).toEqual({ value: 'done' });
  expect(() =>
    limited(1_000, () => {
      throw new RangeError('wrong');
    }),
  ).toThrow(new RangeError('wrong'));
});

test('work that uses its time without an end is ended', () => {
  expect(
    limited(200, () => {
      for (;;);
    }),
  ).toBeNull();
});

// Seen to fail with a limit of the wall's clock alone: on a busy machine right metas were refused for good.
test('work that got no time for itself is done once more', () => {
  let tries = 0;
  const outcome = limited(50, () => {
    tries += 1;
    if (tries === 1) getNoTime();
    return tries;
  });
  expect(outcome).toEqual({ value: 2 });
});

test('on a machine that gives it no time again it is refused for now, not for good', () => {
  expect(() => limited(50, getNoTime)).toThrow(expect.objectContaining({ code: 'OVERLOADED', permanent: false }));
});
