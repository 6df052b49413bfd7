import type { NodeProgress, StepProgress, TaskDetail, TaskView } from '@longshore/client';
import type { Sample } from '../src/index.ts';

/** A step; tests name only what they are about. */
export function step(fields: Partial<StepProgress> = {}): StepProgress {
  return {
    step: 'load',
    subtasks: { total: 10, pending: 5, running: 1, succeeded: 4, failed: 0 },
    rows: 0,
    bytes: 0,
    totalRows: null,
    totalBytes: null,
    ...fields,
  };
}

export function node(fields: Partial<NodeProgress> = {}): NodeProgress {
  return { node: 'n1', state: 'live', running: 1, pending: 0, succeeded: 0, rows: 0, bytes: 0, ...fields };
}

export function detail(
  parts: { readonly task?: Partial<TaskView>; readonly steps?: StepProgress[]; readonly nodes?: NodeProgress[] } = {},
): TaskDetail {
  const task: TaskView = {
    id: '12',
    key: 'k',
    type: 'import',
    typeVersion: '1.0.0',
    state: 'running',
    outcome: null,
    step: 'load',
    priority: 512,
    slots: 1,
    slotsPerSubtask: 1,
    maxNodes: null,
    scope: '',
    onFailure: 'revert',
    nodes: [],
    waiting: null,
    error: null,
    result: null,
    createdAt: '2026-01-01T00:00:00.000Z',
    startedAt: null,
    endedAt: null,
    isArchived: false,
    ...parts.task,
  };
  return { task, meta: {}, steps: parts.steps ?? [], nodes: parts.nodes ?? [], controls: [], rerun: 0 };
}

/** Samples of one step's bytes, by time in milliseconds. */
export function bytesAt(points: readonly (readonly [atMs: number, bytes: number])[], totalBytes: number): Sample[] {
  return points.map(([atMs, bytes]) => ({ atMs, detail: detail({ steps: [step({ bytes, totalBytes })] }) }));
}
