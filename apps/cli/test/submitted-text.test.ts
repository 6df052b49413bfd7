import { describe, expect, test } from 'vitest';
import type { TaskView } from '@longshore/client';
import { submittedJson, submittedText } from '../src/output/submitted-text.ts';
import { detail } from './samples.ts';

const task = (fields: Partial<TaskView> = {}): TaskView => detail({ task: { key: 'orders', ...fields } }).task;

const FAILED = {
  state: 'reverted',
  outcome: 'failed',
  error: { code: 'IMPORT_ROW_INVALID', message: 'orders.csv, line 3', permanent: true },
} as const;

describe('a submit whose key and content were there before', () => {
  test.each<readonly [string, TaskView, readonly string[]]>([
    ['and whose task goes on', task(), ['already; nothing new started', 'longshore task watch 12']],
    ['and succeeded', task({ state: 'succeed', outcome: 'succeeded' }), ['has succeeded', 'longshore task show 12']],
    [
      'and failed',
      task(FAILED),
      [
        'has failed; nothing new started',
        'IMPORT_ROW_INVALID: orders.csv, line 3',
        'with --again starts run 2 of this key',
      ],
    ],
    [
      'and was canceled',
      task({ state: 'reverted', outcome: 'canceled', run: 4 }),
      ['task 12 (run 4)', 'was canceled; nothing new started', 'with --again starts run 5 of this key'],
    ],
  ])('%s says that nothing started, and what helps', (_, view, says) => {
    const text = submittedText({ task: view, created: false }, 'longshore');
    for (const part of says) expect(text).toContain(part);
    expect(submittedJson({ task: view, created: false })).toEqual({
      started: false,
      created: false,
      outcome: view.outcome,
      task: view,
      ...(view.outcome === 'failed' || view.outcome === 'canceled'
        ? { help: expect.stringMatching(/^the same submit with --again starts run \d of this key$/) as unknown }
        : {}),
    });
  });
});

test('a submit that made a task says so', () => {
  expect(submittedText({ task: task(), created: true }, 'npx longshore')).toBe(
    'task 12 submitted\nwatch it: npx longshore task watch 12',
  );
  expect(submittedJson({ task: task(), created: true })).toMatchObject({ started: true });
});
