import { LongshoreError } from '@longshore/core';
import { expect, test } from 'vitest';
import { waitLog } from '../src/wait-log.ts';
import { silent } from './test-store.ts';

test('a wait is logged at once, with another reason, and every half minute, each time without a stack', () => {
  const lines: unknown[][] = [];
  const logger = silent.child({});
  logger.warn = (...line: unknown[]) => void lines.push(line);
  let nowMs = 0;
  const waiting = waitLog(logger, 'the store', () => nowMs);
  const away = new LongshoreError('STORE_UNAVAILABLE', 'no connection');
  const old = new LongshoreError('STORE_SCHEMA_OLD', 'a migration is missing');
  for (const [atMs, error] of [
    [0, away],
    [200, away],
    [29_999, away],
    [30_000, away],
    [31_000, old],
    [60_000, old],
    [61_000, old],
  ] as const) {
    nowMs = atMs;
    waiting(error);
  }
  const first = [{ code: 'STORE_UNAVAILABLE' }, 'waiting for the store: no connection'];
  const second = [{ code: 'STORE_SCHEMA_OLD' }, 'waiting for the store: a migration is missing'];
  expect(lines).toEqual([first, first, second, second]);
});
