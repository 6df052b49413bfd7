import { Registry } from 'prom-client';
import { expect, test } from 'vitest';
import { PassMetrics } from '../../src/scheduling/pass-metrics.ts';

const NOW = 1_000_000_000;
const at = (secondsAgo: number): string => new Date(NOW - secondsAgo * 1_000).toISOString();
const wait = (code: string, secondsAgo: number) => ({ code, message: code, since: at(secondsAgo) });
const task = (state: string, ageSeconds: number, waiting: ReturnType<typeof wait> | null = null) => ({
  state,
  type: 'import',
  waiting,
  createdAtMs: NOW - ageSeconds * 1_000,
});

async function seen(metrics: Registry): Promise<readonly string[]> {
  return (await metrics.metrics()).split('\n').filter((line) => line.startsWith('longshore_'));
}

test('a pass shows tasks, what they wait for and how long, the oldest that has not begun, and nodes; the next one replaces it', async () => {
  const registry = new Registry();
  const metrics = new PassMetrics(registry);
  const tasks = [
    task('running', 500, wait('TARGET_UNAVAILABLE', 20)),
    task('pending', 90, wait('NO_SLOTS', 60)),
    task('pending', 40, wait('NO_SLOTS', 30)),
  ];
  metrics.show({ tasks, nodes: [{ state: 'live' }, { state: 'live' }, { state: 'dead' }] } as never, NOW);
  expect(await seen(registry)).toEqual([
    'longshore_tasks{state="running",type="import"} 1',
    'longshore_tasks{state="pending",type="import"} 2',
    'longshore_nodes{state="live"} 2',
    'longshore_nodes{state="dead"} 1',
    'longshore_waiting_tasks{reason="TARGET_UNAVAILABLE"} 1',
    'longshore_waiting_tasks{reason="NO_SLOTS"} 2',
    'longshore_waiting_longest_seconds{reason="TARGET_UNAVAILABLE"} 20',
    'longshore_waiting_longest_seconds{reason="NO_SLOTS"} 60',
    'longshore_pending_oldest_seconds 90',
  ]);
  metrics.show({ tasks: [], nodes: [] }, NOW);
  expect(await seen(registry)).toEqual(['longshore_pending_oldest_seconds 0']);
});

test('what no pass looks at is shown as it was counted last', async () => {
  const registry = new Registry();
  const metrics = new PassMetrics(registry);
  const queued = [
    { type: 'import', code: 'NO_SLOTS', tasks: 1_000, sinceMs: NOW - 70_000, oldestMs: NOW - 80_000 },
    { type: 'other', code: 'TASK_LIMIT', tasks: 2, sinceMs: NOW - 10_000, oldestMs: NOW - 10_000 },
  ];
  const tasks = [task('pending', 60, wait('NO_SLOTS', 60))];
  const goneNodes = new Map([['stopped', 10_000]]);
  metrics.show({ tasks, nodes: [{ state: 'live' }], goneNodes, queued } as never, NOW);
  expect(await seen(registry)).toEqual([
    'longshore_tasks{state="pending",type="import"} 1001',
    'longshore_tasks{state="pending",type="other"} 2',
    'longshore_nodes{state="live"} 1',
    'longshore_nodes{state="stopped"} 10000',
    'longshore_waiting_tasks{reason="NO_SLOTS"} 1001',
    'longshore_waiting_tasks{reason="TASK_LIMIT"} 2',
    'longshore_waiting_longest_seconds{reason="NO_SLOTS"} 70',
    'longshore_waiting_longest_seconds{reason="TASK_LIMIT"} 10',
    'longshore_pending_oldest_seconds 80',
  ]);
});
