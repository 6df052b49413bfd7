import { describe, expect, test } from 'vitest';
import { TaskState, isTerminalTaskState } from '../../src/task/task-states.ts';
import {
  isTaskTransition,
  nextTaskState,
  TASK_TRANSITIONS,
  type TaskGuard,
  type TaskTransition,
  type TaskTrigger,
} from '../../src/task/task-transitions.ts';

const STATES = Object.values(TaskState);

/** Every trigger; the compiler refuses this list when one is missing. */
const TRIGGERS = Object.keys({
  plan: 0,
  finish: 0,
  fail: 0,
  refuse: 0,
  cancel: 0,
  stop: 0,
  undo: 0,
  pause: 0,
  suspend: 0,
  settle: 0,
  resume: 0,
  continue: 0,
  modify: 0,
  apply: 0,
  drop: 0,
  retry: 0,
  skip: 0,
  revert: 0,
} satisfies Record<TaskTrigger, 0>) as TaskTrigger[];

/**
 * The machine a second time, as people read it: state, trigger, and where it leads under which guard. A change of the table
 * has to be made here too, on purpose.
 */
const EXPECTED = `
  pending              plan     running
  pending              fail     reverting            onFailure is revert
  pending              fail     awaiting-resolution  onFailure is hold
  pending              refuse   failed
  pending              cancel   reverted             no hook ran
  pending              cancel   cancelling           a hook ran
  pending              pause    pausing
  pending              modify   modifying
  running              plan     running
  running              finish   succeed
  running              fail     awaiting-resolution  a finish hook failed
  running              fail     reverting            onFailure is revert
  running              fail     awaiting-resolution  onFailure is hold
  running              cancel   cancelling
  running              pause    pausing
  running              suspend  pausing
  running              modify   modifying
  cancelling           stop     reverting
  reverting            undo     reverted
  reverting            fail     awaiting-resolution  a revert failed
  awaiting-resolution  retry    running              a step failed
  awaiting-resolution  retry    running              a plan failed
  awaiting-resolution  retry    running              a finish hook failed
  awaiting-resolution  retry    pending              it was pending
  awaiting-resolution  retry    reverting            a revert failed
  awaiting-resolution  skip     running              a step failed
  awaiting-resolution  skip     succeed              a finish hook failed
  awaiting-resolution  skip     reverted             a revert failed
  awaiting-resolution  resume   resuming             a revert failed
  awaiting-resolution  revert   reverting
  awaiting-resolution  cancel   cancelling
  awaiting-resolution  modify   modifying
  pausing              settle   paused
  pausing              cancel   cancelling
  paused               resume   resuming
  paused               cancel   cancelling
  paused               modify   modifying
  resuming             continue  running              it was running
  resuming             continue  pending              it was pending
  resuming             cancel   cancelling
  modifying            apply    pending              it was pending
  modifying            apply    running              it was running
  modifying            apply    paused               it was paused
  modifying            apply    awaiting-resolution  it awaited resolution
  modifying            drop     pending              it was pending
  modifying            drop     running              it was running
  modifying            drop     paused               it was paused
  modifying            drop     awaiting-resolution  it awaited resolution
  modifying            cancel   cancelling
`
  .trim()
  .split('\n')
  .map((line) => line.trim().split(/ {2,}/) as [TaskState, TaskTrigger, TaskState, TaskGuard?])
  .map(([from, on, to, guard]) => ({ from, on, to, guard }));

test('the table has every expected row and no other', () => {
  const rows = TASK_TRANSITIONS.map(({ from, on, to, guard }) => ({ from, on, to, guard }));
  expect(rows).toEqual(EXPECTED);
});

test.each(EXPECTED)('$from: $on leads to $to ($guard)', ({ from, on, to, guard }) => {
  expect(isTaskTransition(from, on, to)).toBe(true);
  expect(nextTaskState(from, on, guard === undefined ? [] : [guard])).toBe(to);
});

test('what is not in the table is refused: every state, trigger and target', () => {
  const allowed = new Set(EXPECTED.map(({ from, on, to }) => `${from} ${on} ${to}`));
  for (const from of STATES) {
    for (const on of TRIGGERS) {
      for (const to of STATES) {
        expect(isTaskTransition(from, on, to), `${from} ${on} ${to}`).toBe(allowed.has(`${from} ${on} ${to}`));
      }
      const leadsSomewhere = EXPECTED.some((row) => row.from === from && row.on === on);
      if (!leadsSomewhere) expect(nextTaskState(from, on), `${from} ${on}`).toBeNull();
    }
  }
});

test('a row with a guard is not taken without it', () => {
  for (const { from, on, guard } of EXPECTED) {
    if (guard !== undefined) expect(nextTaskState(from, on, []), `${from} ${on}`).toBeNull();
  }
});

describe('shape of the machine', () => {
  test('one trigger leads to two states only under different guards', () => {
    for (const rows of Map.groupBy(TASK_TRANSITIONS, (row) => `${row.from} ${row.on}`).values()) {
      if (rows.length === 1) continue;
      expect(new Set(rows.map((row) => row.guard)).size, describeRows(rows)).toBe(rows.length);
      expect(rows.map((row) => row.guard)).not.toContain(undefined);
    }
  });

  test('nothing leads out of a terminal state', () => {
    expect(TASK_TRANSITIONS.filter((row) => isTerminalTaskState(row.from))).toEqual([]);
  });

  test('every state can be reached from pending, and a terminal one from every state', () => {
    expect(reachable(['pending'], (row) => [row.from, row.to])).toEqual(new Set(STATES));
    const terminal = STATES.filter(isTerminalTaskState);
    expect(reachable(terminal, (row) => [row.to, row.from])).toEqual(new Set(STATES));
  });

  test('a task can be cancelled in every state but the ones in which it is being undone already', () => {
    const refused = STATES.filter(
      (state) => !TASK_TRANSITIONS.some((row) => row.from === state && row.on === 'cancel'),
    );
    expect(refused.toSorted()).toEqual(['cancelling', 'failed', 'reverted', 'reverting', 'succeed']);
  });

  test('it is modified only where the design allows it', () => {
    const states = TASK_TRANSITIONS.filter((row) => row.on === 'modify').map((row) => row.from);
    expect(states.toSorted()).toEqual(['awaiting-resolution', 'paused', 'pending', 'running']);
  });

  test('what a user asks for is never decided by the owner, and the other way round', () => {
    for (const rows of Map.groupBy(TASK_TRANSITIONS, (row) => row.on).values()) {
      expect(new Set(rows.map((row) => row.by)).size, describeRows(rows)).toBe(1);
    }
  });
});

function describeRows(rows: readonly TaskTransition[]): string {
  return rows.map((row) => `${row.from} ${row.on} ${row.to}`).join(', ');
}

function reachable(
  start: readonly TaskState[],
  ends: (row: TaskTransition) => [TaskState, TaskState],
): ReadonlySet<TaskState> {
  const found = new Set(start);
  for (const state of found) {
    for (const row of TASK_TRANSITIONS) {
      const [from, to] = ends(row);
      if (from === state) found.add(to);
    }
  }
  return found;
}
