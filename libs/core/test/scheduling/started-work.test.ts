import { describe, expect, test } from 'vitest';
import { startedOf, startedOn, type ClaimedWork } from '../../src/index.ts';

const work = (claimed: number, slots: number, slotsPerSubtask = 1): ClaimedWork => ({
  claimed,
  slots,
  slotsPerSubtask,
});

describe('of what a node has claimed', () => {
  test.each([
    ['all that fits has started', work(3, 4), 3],
    ['what is beyond the slots is claimed ahead', work(20, 4), 4],
    ['a subtask of several slots needs all of them', work(9, 7, 3), 2],
    ['nothing has started without a claim', work(0, 4), 0],
  ])('%s', (_, one, started) => {
    expect(startedOf(one)).toBe(started);
  });

  test.each<readonly [string, number, readonly ClaimedWork[], number]>([
    ['several tasks share it', 8, [work(9, 4), work(2, 4)], 6],
    ['the node has no room for all', 4, [work(9, 3), work(9, 4)], 4],
    ['the first in rank has the slots, and the next what is left', 4, [work(9, 2, 2), work(9, 4, 3)], 1],
    ['nothing is claimed', 4, [], 0],
  ])('never more has started than the node has slots: %s', (_, slots, tasks, started) => {
    expect(startedOn(slots, tasks)).toBe(started);
  });
});
