import { describe, expect, test } from 'vitest';
import { groupEvents, MOST_SINGLE_EVENTS, type RecentEvent } from '../../src/tasks/group-events.ts';
import type { TaskEvent } from '../../src/tasks/task-event.ts';

const retry = (subtaskId: number, message = 'TOY_BUSY: come back later'): TaskEvent => ({
  actor: 'executor n1',
  kind: 'subtask-retry',
  subtaskId: String(subtaskId),
  message,
});
const retries = (count: number): TaskEvent[] => Array.from({ length: count }, (_, index) => retry(index + 1));
const recent = (count: number, change: Partial<RecentEvent> = {}): RecentEvent[] =>
  Array.from({ length: count }, (_, index) => ({
    seq: index + 1,
    kind: 'subtask-retry',
    message: 'TOY_BUSY: come back later',
    events: 1,
    ...change,
  }));

describe('of many events of a kind', () => {
  test('the first ones have a row each, the others share one with the first subtask and the last message', () => {
    const events = [...retries(MOST_SINGLE_EVENTS + 3), retry(99, 'TOY_BUSY: much later')];
    const { rows, grown } = groupEvents([], events);
    expect(rows).toEqual([
      ...retries(MOST_SINGLE_EVENTS),
      { ...retry(MOST_SINGLE_EVENTS + 1, 'TOY_BUSY: much later'), events: 4 },
    ]);
    expect(grown).toEqual([]);
  });

  test('those that are written already count, and a group that is there grows', () => {
    expect(groupEvents(recent(MOST_SINGLE_EVENTS), retries(1)).rows).toEqual([{ ...retry(1), events: 1 }]);
    const group = { seq: 77, kind: 'subtask-retry', message: 'TOY_BUSY: then', events: 5 };
    expect(groupEvents([group], retries(2))).toEqual({
      rows: [],
      grown: [{ seq: 77, more: 2, message: 'TOY_BUSY: come back later' }],
    });
  });

  test('one after the other, all further ones share the row after the single ones', () => {
    expect(groupEvents(recent(MOST_SINGLE_EVENTS + 1), retries(1))).toMatchObject({
      rows: [],
      grown: [{ seq: MOST_SINGLE_EVENTS + 1, more: 1 }],
    });
  });

  test.each<[string, TaskEvent]>([
    ['another kind', { ...retry(5), kind: 'subtask-released' }],
    ['another error', retry(5, 'TOY_BROKEN: it broke')],
    ['the task itself', { ...retry(5), subtaskId: null }],
  ])('one of %s has a row of its own', (_, event) => {
    expect(groupEvents(recent(MOST_SINGLE_EVENTS + 1), [event])).toEqual({ rows: [event], grown: [] });
  });
});
