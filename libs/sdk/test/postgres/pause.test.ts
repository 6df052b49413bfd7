import { expect, test } from 'vitest';
import { pause } from '../../src/postgres/index.ts';

test('a pause ends by itself', async () => {
  await expect(pause(1, new AbortController().signal)).resolves.toBeUndefined();
});

test.each([
  ['before it', (abort: () => void) => abort()],
  ['during it', (abort: () => void) => void setImmediate(abort)],
])('an abort %s ends it with the reason of the signal', async (_, when) => {
  const controller = new AbortController();
  const reason = new Error('stopped');
  when(() => controller.abort(reason));
  await expect(pause(60_000, controller.signal)).rejects.toBe(reason);
});
