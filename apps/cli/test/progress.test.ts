import { describe, expect, test } from 'vitest';
import { addSample, progressLine, readProgress, type Sample } from '../src/index.ts';
import { bytesAt, detail, node, step } from './samples.ts';

describe('the speed of a step', () => {
  const cases: {
    readonly it: string;
    readonly points: [number, number][];
    readonly nowMs: number;
    readonly bytesPerSecond: number | null;
    readonly etaMs: number | null;
  }[] = [
    { it: 'is unknown from one sample', points: [[0, 0]], nowMs: 0, bytesPerSecond: null, etaMs: null },
    {
      it: 'is that between two',
      points: [
        [0, 0],
        [2_000, 400],
      ],
      nowMs: 2_000,
      bytesPerSecond: 200,
      etaMs: 3_000,
    },
    {
      it: 'looks at the window only, and at the last sample before it',
      points: [
        [0, 0],
        [10_000, 0],
        [20_000, 0],
        [30_000, 500],
      ],
      nowMs: 30_000,
      bytesPerSecond: 25,
      etaMs: 20_000,
    },
    {
      it: 'holds between two reports',
      points: [
        [0, 0],
        [2_000, 400],
      ],
      nowMs: 5_000,
      bytesPerSecond: 200,
      etaMs: 3_000,
    },
    {
      it: 'falls when reports stay out',
      points: [
        [0, 0],
        [2_000, 400],
      ],
      nowMs: 10_000,
      bytesPerSecond: 40,
      etaMs: 15_000,
    },
    {
      it: 'is never negative',
      points: [
        [0, 500],
        [2_000, 300],
      ],
      nowMs: 2_000,
      bytesPerSecond: 0,
      etaMs: null,
    },
    {
      it: 'leaves nothing to wait for at the end',
      points: [
        [0, 0],
        [2_000, 1_000],
      ],
      nowMs: 2_000,
      bytesPerSecond: 500,
      etaMs: 0,
    },
  ];
  test.each(cases)('$it', ({ points, nowMs, bytesPerSecond, etaMs }) => {
    const [view] = readProgress(bytesAt(points, 1_000), nowMs).steps;
    expect(view?.speed?.bytesPerSecond ?? null).toBe(bytesPerSecond);
    expect(view?.etaMs).toBe(etaMs);
  });
});

describe('the done share of a step', () => {
  const subtasks = { total: 10, pending: 5, running: 1, succeeded: 4, failed: 0 };
  test.each([
    { of: 'bytes', fields: { bytes: 30, totalBytes: 120, rows: 1, totalRows: 2 }, fraction: 0.25 },
    { of: 'rows', fields: { rows: 1, totalRows: 2 }, fraction: 0.5 },
    { of: 'subtasks', fields: {}, fraction: 0.4 },
    { of: 'nothing yet', fields: { subtasks: { ...subtasks, total: 0, succeeded: 0 } }, fraction: null },
    { of: 'more than was planned', fields: { bytes: 130, totalBytes: 120 }, fraction: 1 },
    {
      of: 'what was skipped as done',
      fields: { subtasks: { ...subtasks, succeeded: 8, skipped: 2 }, totalBytes: 9 },
      fraction: 1,
    },
    {
      of: 'all subtasks, whatever they reported',
      fields: { subtasks: { ...subtasks, succeeded: 10 }, totalBytes: 9 },
      fraction: 1,
    },
  ])('counts $of', ({ fields, fraction }) => {
    const sample = { atMs: 0, detail: detail({ steps: [step(fields)] }) };
    expect(readProgress([sample], 0).steps[0]?.fraction).toBe(fraction);
  });
});

test.each(['paused', 'pausing', 'resuming', 'awaiting-resolution', 'cancelling', 'reverting', 'reverted', 'pending'])(
  'a task that is %s has no speed and no remaining time',
  (state) => {
    const at = (atMs: number, bytes: number, state: string): Sample => ({
      atMs,
      detail: detail({ task: { state }, steps: [step({ bytes, totalBytes: 1_000 })], nodes: [node({ bytes })] }),
    });
    const samples = [at(0, 0, 'running'), at(2_000, 400, 'running'), at(3_000, 400, state)];
    const view = readProgress(samples, 4_000);
    expect(view.steps[0]).toMatchObject({ speed: null, etaMs: null });
    expect(view.nodes[0]?.speed).toBeNull();
    expect(progressLine(view)).not.toMatch(/ETA|\/s/);
    // What comes after says nothing of before.
    const resumed = readProgress([...samples, at(5_000, 400, 'running'), at(7_000, 600, 'running')], 7_000);
    expect(resumed.steps[0]?.speed?.bytesPerSecond).toBe(100);
  },
);

test('a line counts what was skipped and what was stopped apart from what is done and what failed', () => {
  const subtasks = { total: 10, pending: 0, running: 0, succeeded: 4, skipped: 1, failed: 2, canceled: 3 };
  const sample = { atMs: 0, detail: detail({ steps: [step({ subtasks })] }) };
  expect(progressLine(readProgress([sample], 0))).toContain('4/10 subtasks  1 skipped  2 failed  3 stopped');
});

test("a node's speed starts anew with each step", () => {
  const at = (atMs: number, name: string, bytes: number): Sample => ({
    atMs,
    detail: detail({ task: { step: name }, nodes: [node({ bytes })] }),
  });
  const samples = [at(0, 'scan', 9_000), at(1_000, 'load', 0), at(3_000, 'load', 600)];
  expect(readProgress(samples, 3_000).nodes[0]?.speed?.bytesPerSecond).toBe(300);
});

test('samples older than the window are dropped, but for the one that it starts from', () => {
  let samples: readonly Sample[] = [];
  for (let atMs = 0; atMs <= 100_000; atMs += 1_000) samples = addSample(samples, { atMs, detail: detail() });
  expect(samples.map(({ atMs }) => atMs)).toEqual(Array.from({ length: 16 }, (_, index) => 85_000 + index * 1_000));
});

test('a line says where the task is, and why it waits', () => {
  const samples = bytesAt(
    [
      [0, 0],
      [2_000, 40_000_000],
    ],
    100_000_000,
  );
  expect(progressLine(readProgress(samples, 2_000))).toBe(
    'task 12 import: running, step load  40%  4/10 subtasks  40 MB of 100 MB  20 MB/s  ETA 3.0s',
  );
  const waiting = { code: 'NO_LIVE_NODE', message: 'no executor\nis live', since: '2026-01-01T00:00:00.000Z' };
  const sample = { atMs: 0, detail: detail({ task: { state: 'pending', step: null, waiting } }) };
  expect(progressLine(readProgress([sample], 0))).toBe('task 12 import: pending, waits: no executor is live');
});
