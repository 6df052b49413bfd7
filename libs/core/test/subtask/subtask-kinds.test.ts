import { expect, test } from 'vitest';
import { isClaimable } from '../../src/subtask/claimable.ts';
import { stopReasonOf } from '../../src/subtask/stop-reasons.ts';
import {
  isKnownSubtaskKind,
  isPlannedKind,
  isSideKind,
  kindsWith,
  SUBTASK_KIND_NAMES,
  SubtaskKind,
} from '../../src/subtask/subtask-kinds.ts';
import { TaskState } from '../../src/task/task-states.ts';

/** What becomes of a running subtask in each state of its task: `may start` there, `goes on`, is paused or canceled. */
function fate(kind: string, state: string): string {
  if (isClaimable(kind, state)) return 'start';
  return stopReasonOf(kind, state) ?? 'go on';
}

/** The table a second time, as people read it. */
const FATES = `
           pending running modifying awaiting-resolution pausing paused resuming cancelling reverting reverted failed succeed
  work     go-on   start   go-on     go-on               pause   pause  pause    cancel     cancel    cancel   cancel cancel
  prepare  start   go-on   go-on     go-on               pause   pause  pause    cancel     cancel    cancel   cancel cancel
  plan     start   start   go-on     go-on               pause   pause  pause    cancel     cancel    cancel   cancel cancel
  finish   go-on   start   go-on     go-on               pause   pause  pause    cancel     cancel    cancel   cancel cancel
  revert   cancel  cancel  go-on     go-on               pause   pause  pause    cancel     start     cancel   cancel cancel
  clean    cancel  cancel  go-on     go-on               pause   pause  pause    cancel     cancel    start    start  start
  modify   cancel  cancel  start     cancel              cancel  cancel cancel   cancel     cancel    cancel   cancel cancel
  gates    go-on   start   go-on     pause               pause   pause  pause    cancel     cancel    cancel   cancel cancel
  tick     go-on   start   go-on     start               pause   pause  pause    go-on      go-on     cancel   cancel cancel
  place    go-on   start   go-on     go-on               pause   pause  pause    cancel     cancel    cancel   cancel cancel
`;

test('each kind starts, goes on, is paused or canceled in each state of its task', () => {
  const [states = [], ...rows] = FATES.trim()
    .split('\n')
    .map((line) => line.trim().split(/ +/));
  expect(states.toSorted()).toEqual(Object.values(TaskState).toSorted());
  const found = SUBTASK_KIND_NAMES.map((kind) => [kind, ...states.map((state) => fate(kind, state).replace(' ', '-'))]);
  expect(found).toEqual(rows);
});

test('what else differs by kind', () => {
  expect(kindsWith((info) => info.rows === 'planned')).toEqual(['work']);
  expect(kindsWith((info) => info.rows === 'per task')).toEqual(['gates', 'tick']);
  expect(kindsWith((info) => !info.keepsStepOpen)).toEqual(['gates', 'tick', 'place']);
  expect(kindsWith((info) => info.comesAfter === 'step')).toEqual(['plan', 'finish']);
  expect(kindsWith((info) => info.comesAfter === 'everything')).toEqual(['revert', 'clean']);
  expect(kindsWith((info) => info.lastsUntilRevert)).toEqual(['tick']);
  expect(kindsWith((info) => info.isLongLived)).toEqual(['gates', 'tick']);
  expect(kindsWith((info) => info.allowance === 'slots')).toEqual(['work']);
  expect(kindsWith((info) => typeof info.allowance === 'number')).toEqual(['gates', 'tick']);
  expect(kindsWith((info) => info.mayRunAgain === 'as planned')).toEqual(['work']);
  expect(kindsWith((info) => info.moves === 'spread')).toEqual(['work']);
  expect(kindsWith((info) => info.moves === 'never')).toEqual([]);
  expect(kindsWith((info) => info.isLeftOutByForce)).toEqual(['revert', 'clean']);
  expect(kindsWith((info) => info.whenSkipped === 'skipped')).toEqual(['work']);
});

test('rules that hold for every kind', () => {
  for (const kind of SUBTASK_KIND_NAMES) expect(SubtaskKind[kind]).toBe(kind);
  // What runs as long as its task must neither keep a step from ending nor take the places of what comes and goes.
  const inTheWay = kindsWith((info) => info.isLongLived && (info.keepsStepOpen || info.allowance === 'shared'));
  expect(inTheWay).toEqual([]);
  // What is evened out among nodes is many rows, and no row is both moved freely and one of a kind.
  expect(kindsWith((info) => info.moves === 'spread' && info.rows !== 'planned')).toEqual([]);
});

test('a kind that this build does not know starts nowhere, is stopped for nothing, and is awaited', () => {
  for (const kind of ['hibernation', '', 'toString', '__proto__']) {
    expect(isKnownSubtaskKind(kind)).toBe(false);
    for (const state of [...Object.values(TaskState), 'gone']) expect(fate(kind, state)).toBe('go on');
    expect([isSideKind(kind), isPlannedKind(kind)]).toEqual([false, false]);
  }
});
