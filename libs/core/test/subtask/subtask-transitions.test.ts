import { expect, test } from 'vitest';
import { isTerminalSubtaskState, SubtaskState } from '../../src/subtask/subtask-states.ts';
import {
  isSubtaskTransition,
  SUBTASK_TRANSITIONS,
  type SubtaskTransition,
  type SubtaskTrigger,
} from '../../src/subtask/subtask-transitions.ts';

const STATES = Object.values(SubtaskState);

/** Every trigger; the compiler refuses this list when one is missing. */
const TRIGGERS = Object.keys({
  claim: 0,
  release: 0,
  succeed: 0,
  fail: 0,
  cancel: 0,
  pause: 0,
  resume: 0,
  retry: 0,
  skip: 0,
} satisfies Record<SubtaskTrigger, 0>) as SubtaskTrigger[];

/** The machine a second time, as people read it: state, trigger, where it leads, and whose word it is. */
const EXPECTED = `
  pending  claim    running   holder
  running  succeed  succeed   holder
  running  fail     failed    holder
  running  cancel   canceled  holder
  running  release  pending   holder
  running  pause    paused    holder
  running  release  pending   framework
  running  fail     failed    framework
  pending  cancel   canceled  framework
  paused   cancel   canceled  framework
  paused   resume   pending   framework
  failed   pause    paused    framework
  failed   cancel   canceled  framework
  failed   retry    pending   user
  failed   skip     skipped   user
`
  .trim()
  .split('\n')
  .map((line) => line.trim().split(/ {2,}/))
  .map(([from, on, to, by]) => ({ from, on, to, by }) as SubtaskTransition);

test('the table has every expected row and no other', () => {
  expect(SUBTASK_TRANSITIONS).toEqual(EXPECTED);
});

test.each(EXPECTED)('$from: $on leads to $to, by the $by', ({ from, on, to }) => {
  expect(isSubtaskTransition(from, on, to)).toBe(true);
});

test('what is not in the table is refused: every state, trigger and target', () => {
  const allowed = new Set(EXPECTED.map(({ from, on, to }) => `${from} ${on} ${to}`));
  for (const from of STATES) {
    for (const on of TRIGGERS) {
      for (const to of STATES) {
        expect(isSubtaskTransition(from, on, to), `${from} ${on} ${to}`).toBe(allowed.has(`${from} ${on} ${to}`));
      }
    }
  }
});

test('only succeed, canceled and skipped are final: a failed subtask may be tried again or skipped by a person', () => {
  const final = STATES.filter((state) => !SUBTASK_TRANSITIONS.some((row) => row.from === state));
  expect(final.toSorted()).toEqual(['canceled', 'skipped', 'succeed']);
});

test('a trigger leads from a state to one other only', () => {
  for (const rows of Map.groupBy(SUBTASK_TRANSITIONS, (row) => `${row.from} ${row.on}`).values()) {
    expect(new Set(rows.map((row) => row.to)).size).toBe(1);
  }
});

test('a running subtask ends by its holder, or is failed or released for a holder that was fenced', () => {
  const byOthers = SUBTASK_TRANSITIONS.filter((row) => row.from === 'running' && row.by !== 'holder');
  expect(byOthers.map((row) => row.on).toSorted()).toEqual(['fail', 'release']);
});

test('terminal are the states that nothing but a person leads out of; an unknown one is in flight', () => {
  const terminal = STATES.filter(isTerminalSubtaskState);
  expect(terminal.toSorted()).toEqual(['canceled', 'failed', 'skipped', 'succeed']);
  expect(isTerminalSubtaskState('hibernating')).toBe(false);
});
