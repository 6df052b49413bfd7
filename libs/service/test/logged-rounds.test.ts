import { LongshoreError } from '@longshore/core';
import { expect, test } from 'vitest';
import { loggedRounds } from '../src/logged-rounds.ts';
import { startLoop } from '../src/wakeable-loop.ts';

/** Errors of one round after the other; null: it works. */
async function linesOf(rounds: readonly (string | null)[]): Promise<readonly string[]> {
  const lines: string[] = [];
  const logger = {
    warn: ({ error }: { error: { code: string } }, message: string) => void lines.push(`${message}: ${error.code}`),
    debug: () => undefined,
    info: (_: unknown, message: string) => void lines.push(message),
  };
  const ending = new AbortController();
  let [index, clock] = [0, 0];
  const loop = startLoop({
    intervalMs: 0,
    signal: ending.signal,
    ...loggedRounds(
      logger as never,
      'watching nodes',
      () => {
        clock += 1_000;
        const code = rounds[index++] ?? null;
        if (index >= rounds.length) ending.abort();
        return code === null
          ? Promise.resolve(false)
          : Promise.reject(new LongshoreError(code as 'STORE_UNAVAILABLE', 'not now'));
      },
      () => clock,
    ),
  });
  await loop.done;
  return lines;
}

const [AWAY, LOST] = ['STORE_UNAVAILABLE', 'LEADER_LOST'];

// ✗ tried: a line for each round. An outage of a minute left 120 of each loop.
test('a loop says once that its rounds fail, and once that they work again', async () => {
  expect(await linesOf([null, AWAY, AWAY, AWAY, AWAY, null, null])).toEqual([
    `watching nodes failed; trying again: ${AWAY}`,
    'watching nodes works again after 4 s',
  ]);
});

test('another error is said too, and a second loss like the first one', async () => {
  expect(await linesOf([AWAY, AWAY, LOST, LOST, null, AWAY, null])).toEqual([
    `watching nodes failed; trying again: ${AWAY}`,
    `watching nodes failed; trying again: ${LOST}`,
    'watching nodes works again after 4 s',
    `watching nodes failed; trying again: ${AWAY}`,
    'watching nodes works again after 1 s',
  ]);
});
