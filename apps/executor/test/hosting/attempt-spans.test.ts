import type { ClaimedSubtask, Settlement } from '@longshore/store';
import type { Attempt, AttemptEnd, SpanData, Tracing } from '@longshore/telemetry';
import { describe, expect, test } from 'vitest';
import { AttemptSpans } from '../../src/hosting/attempt-spans.ts';

const TASK = { id: '1', type: 'import', trace: null };

/** What leaves for the collector, in order. */
class Sent {
  readonly log: string[] = [];
  readonly tracing = {
    startAttempt: (attempt: Attempt) => ({
      context: { traceparent: `attempt ${attempt.subtaskId}` },
      end: (end: AttemptEnd) => void this.log.push(`${attempt.subtaskId} ${end.outcome}`),
    }),
    startWithin: (parent: { traceparent: string }, name: string) => ({
      end: () => void this.log.push(`${name} in ${parent.traceparent}`),
    }),
    takeSpans: (spans: readonly SpanData[]) => void this.log.push(...spans.map((span) => span.name)),
    isBehind: false,
    room: () => Promise.resolve(),
  } as unknown as Tracing;
}

const claim = (id: string): ClaimedSubtask => ({
  id,
  taskId: '1',
  kind: 'work',
  step: 'load',
  planAttempt: 1,
  ordinal: 1,
  attempt: 1,
  failures: 0,
  awayForMs: null,
  isIdempotent: true,
  meta: null,
  checkpoint: null,
  kept: null,
  crashes: null,
  task: null,
});
const spans = (...names: string[]): SpanData[] => names.map((name) => ({ name }) as SpanData);
const done = (id: string): Settlement => ({
  id,
  attempt: 1,
  taskId: '1',
  kind: 'work',
  rows: 0,
  bytes: 0,
  how: 'succeed',
  result: null,
});

function start() {
  const sent = new Sent();
  const attempts = new AttemptSpans(sent.tracing, 'cluster');
  return { attempts, log: sent.log };
}

describe('the span of an attempt', () => {
  test('leaves when its end is written, and before what happened within it', () => {
    const { attempts, log } = start();
    expect(attempts.started(TASK, claim('7'), 'n')).toEqual({ traceparent: 'attempt 7' });
    attempts.took('7', spans('SELECT', 'COPY'));
    attempts.ended('7', false);
    expect(log).toEqual([]);
    attempts.written([done('7')], []);
    expect(log).toEqual(['7 succeed', 'SELECT', 'COPY']);
  });

  test('of which the end was refused is told by whoever freed its row; what happened within it is not lost', () => {
    const { attempts, log } = start();
    attempts.started(TASK, claim('7'), 'n');
    attempts.took('7', spans('SELECT'));
    attempts.ended('7', false);
    attempts.written([], [done('7')]);
    attempts.started(TASK, claim('8'), 'n');
    attempts.took('8', spans('COPY'));
    attempts.ended('8', true);
    expect(log).toEqual(['SELECT', 'COPY']);
  });

  test('of which the end could not be written is told as lost', () => {
    const { attempts, log } = start();
    attempts.started(TASK, claim('7'), 'n');
    attempts.ended('7', false);
    attempts.unwritten([done('7')]);
    attempts.written([], [done('7')]);
    expect(log).toEqual(['7 lost']);
  });

  test('that runs again here is not ended by the late word on the one before', () => {
    const { attempts, log } = start();
    attempts.started(TASK, claim('7'), 'n');
    attempts.ended('7', true);
    attempts.started(TASK, { ...claim('7'), attempt: 2 }, 'n');
    attempts.written([], [done('7')]);
    attempts.ended('7', false);
    attempts.written([{ ...done('7'), attempt: 2 }], []);
    expect(log).toEqual(['7 succeed']);
  });

  test('keeps little in memory: what a long one did leaves before it', () => {
    const { attempts, log } = start();
    attempts.started(TASK, claim('7'), 'n');
    attempts.took('7', spans(...Array.from({ length: 201 }, () => 'SELECT')));
    expect(log).toHaveLength(201);
    attempts.took('7', spans('UPDATE'));
    expect(log.at(-1)).toBe('UPDATE');
  });

  test('has a span for each reason that kept it waiting', () => {
    const { attempts, log } = start();
    attempts.started(TASK, claim('7'), 'n');
    attempts.waits('7', { code: 'THROTTLED', message: '5 rows/s' });
    attempts.waits('7', { code: 'THROTTLED', message: '5 rows/s' });
    attempts.waits('7', { code: 'REPLICA_LAG', message: '9 s' });
    attempts.ended('7', false);
    attempts.waits('7', null);
    expect(log).toEqual(['waiting THROTTLED in attempt 7', 'waiting REPLICA_LAG in attempt 7']);
  });

  test('that was claimed ahead and goes back is told, so that the next one finds it', () => {
    const { attempts, log } = start();
    attempts.handedBack(TASK, claim('7'), 'n');
    expect(log).toEqual(['7 hand-back']);
  });
});

test('without tracing nothing is kept', () => {
  const attempts = new AttemptSpans(null, 'cluster');
  expect(attempts.started(TASK, claim('7'), 'n')).toBeUndefined();
  attempts.ended('7', false);
  attempts.written([done('7')], []);
  attempts.waits('7', { code: 'THROTTLED', message: '' });
  expect([attempts.isBehind, attempts.traceIdOf(TASK)]).toEqual([false, undefined]);
});
