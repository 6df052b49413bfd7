import { describe, expect, test } from 'vitest';
import {
  crashesError,
  isHigherCheckpoint,
  LOSSES_UNTIL_ALONE,
  MOST_CRASHES_ALONE,
  runsAlone,
  withCheckpoint,
  withCrashAlone,
  type CrashRecord,
} from '../../src/index.ts';

const LAST = {
  code: 'RUNNER_CRASHED',
  message: 'the runner ended: the process was ended by SIGKILL',
  permanent: false,
};
const suspect = (nodes: readonly string[], alone: readonly string[] = []): CrashRecord => ({
  nodes,
  alone,
  checkpoint: null,
});

test('the documented numbers', () => {
  expect([LOSSES_UNTIL_ALONE, MOST_CRASHES_ALONE]).toEqual([2, 3]);
});

test.each([
  ['nothing', null, false],
  ['one lost node', suspect(['n1']), false],
  ['two lost nodes', suspect(['n1', 'n2']), true],
  ['the same node, lost twice', suspect(['n1', 'n1']), true],
])('with %s on record, running alone is %j', (_, record, isAlone) => {
  expect(runsAlone(record)).toBe(isAlone);
});

test('only crashes of its own processes fail it, and the error says how often and where', () => {
  let record = suspect(['n1', 'n2']);
  expect(crashesError(record, LAST)).toBeNull();
  record = withCrashAlone(record, 'n3');
  record = withCrashAlone(record, 'n1');
  expect(crashesError(record, LAST)).toBeNull();
  record = withCrashAlone(record, 'n3');
  expect(crashesError(record, LAST)).toEqual({
    code: 'SUBTASK_CRASHES',
    message:
      'it crashed its own process 3 times (on n3, n1, n3), after 2 executors crashed while it ran (on n1, n2); ' +
      'last: the runner ended: the process was ended by SIGKILL',
    permanent: true,
  });
});

describe('a checkpoint', () => {
  test.each<readonly [what: string, before: CrashRecord | null, saved: unknown, after: CrashRecord | null]>([
    ['of who is suspected of nothing changes nothing', null, 5, null],
    [
      'that is not higher changes nothing',
      { ...suspect(['n1']), checkpoint: 5 },
      5,
      { ...suspect(['n1']), checkpoint: 5 },
    ],
    ['that is higher clears a suspicion', { ...suspect(['n1']), checkpoint: 5 }, 6, null],
    [
      'that is higher has the crashes of one that runs alone counted anew, alone',
      { ...suspect(['n1', 'n2'], ['n3', 'n3']), checkpoint: 5 },
      6,
      { ...suspect(['n1', 'n2']), checkpoint: 6 },
    ],
  ])('%s', (_, before, saved, after) => {
    expect(withCheckpoint(before, saved)).toEqual(after);
  });

  test.each<readonly [value: unknown, than: unknown]>([
    [1, null],
    [2, 1],
    [10, 9],
    ['10', '9'],
    ['b', 'a'],
    [true, false],
    [{ rows: 2 }, { rows: 1 }],
    [
      { after: '10', rows: 1 },
      { after: '9', rows: 5 },
    ],
    [{ page: 1, rows: 0 }, { page: 1 }],
    [
      [1, 2],
      [1, 1],
    ],
    [[1, 2], [1]],
    ['90071992547409931', '90071992547409930'],
  ])('%j is higher than %j, and not the other way round', (value, than) => {
    expect(isHigherCheckpoint(value, than)).toBe(true);
    expect(isHigherCheckpoint(than, value)).toBe(false);
  });

  test.each<readonly [value: unknown]>([[null], [3], ['x'], [{ rows: 1, to: [1, 2] }]])(
    '%j is not higher than itself',
    (value) => {
      expect(isHigherCheckpoint(value, structuredClone(value))).toBe(false);
    },
  );
});
