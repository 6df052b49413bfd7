import { LongshoreError, toErrorData } from '@longshore/core';
import { describe, expect, test } from 'vitest';
import { API } from '../src/api.ts';
import { controlHint, taskHint, wakeHint } from '../src/hints.ts';
import { replyEnvelope } from '../src/wire-error.ts';

/** Paths of what a schema finds wrong. */
function problems(schema: (typeof API)[keyof typeof API]['request'], value: unknown): string[] {
  const parsed = schema.safeParse(value);
  return parsed.success ? [] : parsed.error.issues.map((issue) => issue.path.join('.'));
}

describe('a task is named', () => {
  const { request } = API['task.get'];

  test.each([{ id: '1' }, { id: '9223372036854775807' }, { key: 'nightly' }, { key: 'x'.repeat(256) }])(
    'by %j',
    (task) => {
      expect(problems(request, { task })).toEqual([]);
    },
  );

  test.each<[unknown, string]>([
    [{}, 'task'],
    [{ id: '1', key: 'nightly' }, 'task'],
    [{ id: 1 }, 'task.id'],
    [{ id: '0' }, 'task.id'],
    [{ id: '-1' }, 'task.id'],
    [{ id: '01' }, 'task.id'],
    [{ id: '9223372036854775808' }, 'task.id'],
    [{ key: '' }, 'task.key'],
    [{ key: 'x'.repeat(257) }, 'task.key'],
  ])('not by %j', (task, path) => {
    expect(problems(request, { task })).toEqual([path]);
  });
});

describe('a submit', () => {
  const { request } = API['task.submit'];

  test('needs a type and a meta, the rest has defaults', () => {
    expect(problems(request, { type: 'import', meta: {} })).toEqual([]);
    expect(problems(request, {})).toEqual(['type', 'meta']);
  });

  test.each([
    ['priority', [0, 1025, 1.5, '5'], [1, 512, 1024]],
    ['slots', [0, 4097], [1, 4096]],
    ['slotsPerSubtask', [0, 4097], [1, 4096]],
    ['maxNodes', [0, 100_001], [1, 100_000]],
    ['onFailure', ['retry'], ['revert', 'hold']],
    ['again', ['yes', 1], [true, false]],
    ['submitId', ['', 'x'.repeat(65), 7], ['x']],
    ['scope', ['x'.repeat(129)], ['', 'background']],
    ['meta', [[], 'text', null], [{ path: '/data' }]],
  ])('takes %s within its bounds only', (field, bad, good) => {
    for (const value of good) expect(problems(request, { type: 'import', meta: {}, [field]: value })).toEqual([]);
    for (const value of bad) expect(problems(request, { type: 'import', meta: {}, [field]: value })).toEqual([field]);
  });
});

test('pages are of a bounded size', () => {
  const task = { id: '1' };
  for (const limit of [0, 201]) expect(problems(API['task.list'].request, { limit })).toEqual(['limit']);
  for (const limit of [0, 201]) expect(problems(API['task.runs'].request, { key: 'a', limit })).toEqual(['limit']);
  expect(problems(API['task.events'].request, { task, limit: 501, after: -1 })).toEqual(['after', 'limit']);
  expect(problems(API['task.subtasks'].request, { task, limit: 0, after: '0' })).toEqual(['after', 'limit']);
});

test('fields that a newer version adds are ignored', () => {
  expect(problems(API['task.list'].request, { addedLater: 1 })).toEqual([]);
  for (const hint of [wakeHint, controlHint, taskHint]) {
    expect(hint.safeParse({ taskId: '1', kind: 'state', addedLater: 1 }).success).toBe(true);
  }
});

// Seen before: any text was taken for an id, and the look that it asked for failed, each time.
test.each([['x'], ['0'], ['01'], ['1.5'], ['9223372036854775808'], ['1; DROP TABLE tasks'], [7], [null], ['\0']])(
  'a hint of the task %j is none',
  (id) => {
    expect(wakeHint.safeParse({ tasks: ['1', id] }).success).toBe(false);
    expect(controlHint.safeParse({ taskId: id }).success).toBe(false);
    expect(wakeHint.safeParse({ tasks: ['1', '9223372036854775807'] }).success).toBe(true);
  },
);

test('an error travels whole, causes and details included', () => {
  const error = toErrorData(
    new LongshoreError('META_INVALID', 'no path', { details: { field: 'path' }, cause: new Error('below') }),
  );
  const sent: unknown = JSON.parse(JSON.stringify({ ok: false, error }));
  expect(replyEnvelope.parse(sent)).toEqual({ ok: false, error });
});

test.each([null, 'text', {}, { ok: true }, { ok: false, error: { code: 'X' } }, { ok: 'yes', value: 1 }])(
  '%j is no reply',
  (value) => {
    expect(replyEnvelope.safeParse(value).success).toBe(false);
  },
);
