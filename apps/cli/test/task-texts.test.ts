import type { ControlProgress, TaskView } from '@longshore/client';
import { describe, expect, test } from 'vitest';
import { followTask, taskSummary } from '../src/index.ts';
import { readSkippedHooks } from '../src/output/skipped-hooks.ts';
import { exitCodeOfTask } from '../src/progress/follow-task.ts';
import { eventTable, subtaskTable, taskDetailText, taskTable } from '../src/output/task-text.ts';
import { detail, step } from './samples.ts';

const error = { code: 'TOY_FAILED', message: 'told to', permanent: true };
const awaiting: Partial<TaskView> = { state: 'awaiting-resolution', onFailure: 'hold', error };
const failedSubtasks = step({ subtasks: { total: 10, pending: 5, running: 0, succeeded: 3, failed: 2 } });

function control(kind: string): ControlProgress {
  return { kind, state: 'failed', node: 'n1', attempt: 2, error: { ...error, message: `${kind} went wrong` } };
}

describe('the summary', () => {
  test('of a paused task says how to resume it', () => {
    expect(taskSummary(detail({ task: { state: 'paused' } }), 'longshore')).toBe(
      'task 12 is paused; resume it: longshore task resume 12',
    );
    expect(taskSummary(detail({ task: { state: 'paused', error } }), 'longshore')).toContain(
      'paused after TOY_FAILED: told to;',
    );
  });

  test('of a task that awaits resolution says what failed, and every choice', () => {
    expect(taskSummary(detail({ task: awaiting, steps: [failedSubtasks] }), 'longshore')).toBe(
      [
        'task 12 import awaits resolution: 2 subtasks of step load failed',
        'error TOY_FAILED: told to',
        '  longshore task retry 12    # tries the failed work again; --set key=value changes the meta first',
        '  longshore task skip 12     # continues without the failed work',
        '  longshore task restart 12  # undoes its work, then starts run 2 of its key',
        '  longshore task revert 12   # undoes its work; it ends as failed',
        '  longshore task cancel 12   # undoes its work; it ends as canceled',
      ].join('\n'),
    );
  });

  test.each([
    { kind: 'revert', says: 'its work could not be undone', choices: ['retry', 'restart', 'resume', 'skip'] },
    { kind: 'finish', says: 'its finish hook failed', choices: ['retry', 'skip', 'restart', 'revert', 'cancel'] },
    { kind: 'plan', says: 'its next step could not be planned', choices: ['retry', 'restart', 'revert', 'cancel'] },
  ])('of one that awaits resolution after a failed $kind hook offers $choices', ({ kind, says, choices }) => {
    const text = taskSummary({ ...detail({ task: awaiting }), controls: [control(kind)] }, 'npx longshore');
    expect(text.split('\n')[0]).toBe(`task 12 import awaits resolution: ${says}`);
    expect(Array.from(text.matchAll(/^ {2}npx longshore task (\w+) 12/gm), ([, choice]) => choice)).toEqual(choices);
  });

  test('of one whose type says that a retry is in vain offers none', () => {
    const inVain = { ...error, details: { retryInVain: true } };
    const text = taskSummary(detail({ task: { ...awaiting, error: inVain }, steps: [failedSubtasks] }), 'longshore');
    expect(text).not.toContain('task retry');
    expect(text).toContain('  longshore task restart 12  # undoes its work, then starts run 2 of its key\n');
  });

  test('of one that failed before its first step offers no skip', () => {
    const text = taskSummary(
      detail({ task: { ...awaiting, step: null, error: { ...error, code: 'DEADLINE_EXCEEDED' } } }),
      'longshore',
    );
    expect(text).toContain('awaits resolution: its deadline has passed\n');
    expect(text).not.toContain('task skip');
  });

  test('of one whose revert failed names both errors', () => {
    const text = taskSummary({ ...detail({ task: awaiting }), controls: [control('revert')] }, 'longshore');
    expect(text).toContain('the undo failed with TOY_FAILED: revert went wrong\nerror TOY_FAILED: told to');
  });

  test('of one whose revert was left out does not claim that its work was undone', async () => {
    const canceled = detail({ task: { state: 'reverted', outcome: 'canceled' } });
    expect(taskSummary(canceled, 'longshore')).toBe('task 12 import was canceled; its work was undone');
    const event = { at: '', actor: '', from: null, to: null, subtaskId: null };
    const events = async function* () {
      yield await Promise.resolve({
        ...event,
        seq: 1,
        kind: 'hook-skipped',
        message: 'no node can run its revert hook',
      });
      yield { ...event, seq: 2, kind: 'skip', to: 'reverted', message: 'so what' };
      yield { ...event, seq: 3, kind: 'skip', to: 'running', message: null };
    };
    expect(taskSummary(canceled, 'longshore', await readSkippedHooks({ events }, canceled))).toBe(
      [
        'task 12 import was canceled',
        'not undone: no node can run its revert hook',
        'not undone: its revert hook failed and was skipped on request',
      ].join('\n'),
    );
    expect(await readSkippedHooks({ events }, detail())).toEqual([]);
  });

  test('of a task in a state that this build does not know claims nothing', () => {
    expect(taskSummary(detail({ task: { state: 'hibernating' } }), 'longshore')).toBe('task 12 import is hibernating');
  });
});

describe('a task that skipped', () => {
  const task: Partial<TaskView> = { state: 'succeed', outcome: 'succeeded', skipped: { subtasks: 2, hooks: 1 } };
  const steps = [step({ subtasks: { total: 10, pending: 0, running: 0, succeeded: 8, skipped: 2, failed: 0 } })];

  test('says so in its summary, in lists and in what is shown of it', () => {
    const shown = detail({ task: { ...task, result: { rows: 8 } }, steps });
    expect(taskSummary(shown, 'longshore')).toBe('task 12 import succeeded, with 2 subtasks and 1 hook skipped');
    expect(taskTable([shown.task], Date.now())).toContain('succeed (2 subtasks and 1 hook skipped)');
    const text = taskDetailText(shown, 'longshore');
    expect(text).toMatch(/^state +succeed \(2 subtasks and 1 hook skipped\)$/m);
    expect(text).toMatch(/^load +10 +8 +2 +0 /m);
    const undone = detail({ task: { ...task, state: 'reverted', outcome: 'canceled' } });
    expect(taskDetailText(undone, 'longshore')).toContain('reverted (canceled, 2 subtasks and 1 hook skipped)');
  });

  test('ends a wait with an exit code of its own if it succeeded', () => {
    expect(exitCodeOfTask(detail({ task }))).toBe(8);
    expect(exitCodeOfTask(detail({ task: { ...task, outcome: 'failed', state: 'reverted' } }))).toBe(1);
    expect(exitCodeOfTask(detail({ task: { ...task, skipped: { subtasks: 0, hooks: 0 } } }))).toBe(0);
  });
});

describe('everything about a task', () => {
  test('has its settings', () => {
    const text = taskDetailText(
      detail({
        task: {
          state: 'modifying',
          runtimeSlots: { max: 2, steps: ['load'] },
          selectors: [
            { label: 'zone', op: 'in', values: ['a', 'b'] },
            { label: 'disk', op: '!=', value: 'hdd' },
            { label: 'gpu', op: 'exists' },
          ],
          subtaskTimeoutMs: 90_000,
          stallTimeoutMs: 5_000,
          deadlineAt: '2026-01-01T06:00:00.000Z',
          modifying: { slots: 4 },
        },
      }),
      'longshore',
    );
    for (const line of [
      /^slot cap +2 on each node, in load$/m,
      /^selectors +zone in \(a,b\), disk!=hdd, gpu$/m,
      /^timeout +1m 30s for each attempt of a subtask$/m,
      /^stall +5.0s without progress$/m,
      /^deadline +2026-01-01T06:00:00.000Z$/m,
      /^modifying +\{"slots":4\}$/m,
    ]) {
      expect(text).toMatch(line);
    }
  });

  test('leaves out what it was not told, as an older owner does', () => {
    const text = taskDetailText(detail({ task: { selectors: null, deadlineAt: null } }), 'longshore');
    expect(text).not.toMatch(/^(slot cap|selectors|budget|timeout|stall|deadline|modifying) /m);
  });

  test('ends with what may be done when it waits for a person', () => {
    expect(taskDetailText(detail({ task: awaiting, steps: [failedSubtasks] }), 'longshore')).toMatch(
      /awaits resolution: 2 subtasks[^]*task skip 12/,
    );
    expect(taskDetailText(detail({ task: { state: 'paused' } }), 'npx longshore')).toContain(
      '  npx longshore task resume 12  # resumes it',
    );
    expect(taskDetailText(detail({ task: { state: 'reverting', restarting: true } }), 'longshore')).toMatch(
      /^restarts +run 2 of its key starts once it is undone$/m,
    );
    expect(taskDetailText(detail(), 'longshore')).not.toContain('task cancel 12');
  });
});

test('following a task continues while it is paused, and says so once for each pause', async () => {
  const states = ['running', 'paused', 'paused', 'running', 'paused', 'awaiting-resolution', 'running'];
  const task = {
    watch: async function* () {
      for (const state of states) yield await Promise.resolve(detail({ task: { state } }));
    },
  };
  const remarks: string[] = [];
  const last = await followTask(task, {
    signal: new AbortController().signal,
    onSnapshot: () => undefined,
    onRemark: (text) => remarks.push(text),
    program: 'npx longshore',
  });
  expect(last.task.state).toBe('awaiting-resolution');
  expect(remarks).toEqual(Array(2).fill('still waiting: task 12 is paused; resume it: npx longshore task resume 12'));
});

test('subtasks show how often processes crashed while they ran there, and that they run alone since', () => {
  const one = {
    ...{ id: '7', kind: 'work', step: 'load', ordinal: 1, state: 'pending', node: 'n1', attempt: 3, failures: 0 },
    ...{ rows: 0, bytes: 0, error: null, startedAt: null, endedAt: null },
  };
  const crashes = { nodes: ['n1', 'n2'], alone: ['n3'] };
  expect(subtaskTable([{ ...one, crashes }, { ...one, crashes: { nodes: ['n2'], alone: [] } }, one])).toMatch(
    / 3 +0 +2, alone 1 [^]* 3 +0 +1 +0 [^]* 3 +0 +0 /,
  );
});

test('the details of a task show what its running subtasks count', () => {
  const summaries = [{ step: 'load', subtasks: 2, counters: { rows: 12_000, bytes: 66_400_000, files: 3 } }];
  const lines = taskDetailText({ ...detail(), summaries }, 'longshore').split('\n');
  expect(lines.find((line) => line.includes('COUNTED SO FAR'))).toMatch(/RUNNING IN +SUBTASKS +COUNTED SO FAR/);
  expect(lines.find((line) => line.includes('files 3'))).toMatch(/load +2 +rows 12,000, bytes 66\.4 MB, files 3/);
});

test('an event that stands for many says how many there were, and until when', () => {
  const lastAt = '2026-01-01T00:00:12.000Z';
  const event = { seq: 1, at: 'now', actor: 'executor n1', kind: 'subtask-retry', from: 'running', to: 'pending' };
  const message = 'TOY_BUSY: come back later';
  expect(eventTable([{ ...event, subtaskId: '7', message, events: 37, lastAt }])).toContain(
    `${message} (37 times until ${lastAt})`,
  );
});

describe('who asked', () => {
  const event = { at: 'now', from: null, to: null, subtaskId: null, message: null };

  test('stands beside the service that wrote the event; a name that nobody vouches for is a claim', () => {
    const text = eventTable([
      {
        ...event,
        seq: 1,
        actor: 'api o1',
        kind: 'submit',
        principal: { name: 'alice', role: null, isVerified: false },
      },
      { ...event, seq: 2, actor: 'owner o1', kind: 'plan', principal: null },
      { ...event, seq: 3, actor: 'api o1', kind: 'pause', principal: { name: 'bob', role: 'op', isVerified: true } },
      { ...event, seq: 4, actor: 'api o0', kind: 'resume' },
    ]);
    const [, ...rows] = text.split('\n').map((line) => line.trim().split(/ {2,}/));
    expect(rows.map(([, , actor, askedBy]) => [actor, askedBy])).toEqual([
      ['api o1', 'alice (claimed)'],
      ['owner o1', '-'],
      ['api o1', 'bob as op'],
      ['api o0', '-'],
    ]);
  });

  test('is told of the submit, as far as the owner knows', () => {
    const submittedBy = { name: 'alice', role: null, isVerified: false };
    expect(taskDetailText({ ...detail(), submittedBy }, 'longshore')).toMatch(/^submitted by +alice \(claimed\)$/m);
    expect(taskDetailText({ ...detail(), submittedBy: null }, 'longshore')).not.toContain('submitted by');
    expect(taskDetailText(detail(), 'longshore')).not.toContain('submitted by');
  });
});

describe('what is shown of a task', () => {
  test('names its outcome where the state leaves it open', () => {
    const stateOf = (task: Partial<TaskView>): string | undefined =>
      /^state +(.*)$/m.exec(taskDetailText(detail({ task }), 'longshore'))?.[1];
    expect(stateOf({ state: 'reverted', outcome: 'canceled' })).toBe('reverted (canceled)');
    expect(stateOf({ state: 'reverted', outcome: 'failed' })).toBe('reverted (failed)');
    expect(stateOf({ state: 'failed', outcome: 'failed' })).toBe('failed');
    expect(stateOf({ state: 'succeed', outcome: 'succeeded' })).toBe('succeed');
  });

  test('names the newest run of its key where that is another', () => {
    expect(taskDetailText({ ...detail(), newestRun: '15' }, 'longshore')).toMatch(/^newest run +task 15$/m);
    expect(taskDetailText({ ...detail(), newestRun: null }, 'longshore')).not.toContain('newest run');
  });

  test('has no limit and no count that there isn’t', () => {
    const text = taskDetailText(detail({ task: { nodes: ['n1', 'n2'] } }), 'longshore');
    expect(text).toMatch(/^nodes +n1, n2$/m);
    expect(text).not.toMatch(/^re-run/m);
    const limited = { ...detail({ task: { nodes: ['n1'], maxNodes: 1 } }), rerun: 3 };
    expect(taskDetailText(limited, 'longshore')).toMatch(/^nodes +n1 \(at most 1\)$/m);
    expect(taskDetailText(limited, 'longshore')).toMatch(/^re-run +3 subtasks$/m);
  });
});
