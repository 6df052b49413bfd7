import { AttemptSpans, ExecutorMetrics } from '@longshore/executor/internal';
import { withinAttempt } from '@longshore/telemetry/worker';
import { Registry } from 'prom-client';
import { median } from '../statistics.ts';

const ROUNDS = 15;
const CALLS = 100_000;

/**
 * Microseconds that telemetry costs a no-op subtask when no exporter is set: all of its calls on a subtask's way, those that count
 * for `/metrics` included.
 */
export function offCostUs(): number {
  const claimed = {
    id: '1',
    taskId: '1',
    kind: 'work' as const,
    step: 'work',
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
  };
  const task = { id: '1', type: 'noop', trace: null };
  const settlement = {
    id: '1',
    attempt: 1,
    taskId: '1',
    kind: 'work',
    rows: 0,
    bytes: 0,
    how: 'succeed',
    result: null,
  } as const;
  const settlements = [settlement];
  const spans = new AttemptSpans(null, 'cluster');
  const metrics = new ExecutorMetrics(new Registry());
  const nothing = (): null => null;
  const rounds: number[] = [];
  for (let round = 0; round <= ROUNDS; round++) {
    const before = performance.now();
    for (let call = 0; call < CALLS; call++) {
      const trace = spans.started(task, claimed, 'executor-1');
      withinAttempt('1', trace, nothing);
      spans.ended('1', false);
      metrics.ended('noop', 'work', 0.1, settlement);
      spans.written(settlements, []);
    }
    // The first one compiles.
    if (round > 0) rounds.push(((performance.now() - before) * 1_000) / CALLS);
  }
  return median(rounds);
}
