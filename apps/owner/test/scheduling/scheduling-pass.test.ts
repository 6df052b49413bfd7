import { LongshoreError, nodeId, taskId, type NodeInfo } from '@longshore/core';
import type { OwnerWrites, ScheduledTask, StoredType } from '@longshore/store';
import { describe, expect, test } from 'vitest';
import { schedulingPass, type PassInput } from '../../src/scheduling/scheduling-pass.ts';

const TYPE: StoredType = {
  type: 'toy',
  version: '1.0.0',
  description: '',
  contract: 1,
  steps: ['sleep'],
  hooks: ['revert'],
  schema: {},
  defaults: {},
};

const N1 = nodeId('n1');

/** A live node that has the type. */
const node = (slots: number): NodeInfo => ({
  id: N1,
  state: 'live',
  scope: '',
  labels: {},
  slots,
  types: [{ type: 'toy', version: '1.0.0' }],
});

/** A task that waits to be planned. The lower its id, the higher its rank. */
const pending = (id: string, changes: Partial<ScheduledTask> = {}): ScheduledTask => ({
  id: taskId(id),
  state: 'pending',
  type: 'toy',
  typeVersion: '1.0.0',
  priority: 512,
  createdAtMs: Number(id),
  scope: '',
  selectors: null,
  slots: 1,
  maxNodes: null,
  onFailure: 'revert',
  step: null,
  isValidated: true,
  stepPlacement: null,
  isPrepared: false,
  hookRan: false,
  reserved: [],
  waiting: null,
  controls: [],
  hasGates: false,
  hasPending: false,
  hasRunning: false,
  remaining: null,
  firstFailure: null,
  doFailuresPause: false,
  modification: null,
  isOverdue: false,
  isForced: false,
  ...changes,
});

type Call = readonly [write: string, ...args: unknown[]];

/** Writes that are noted in order, and find everything as it was read. */
class NotedWrites implements OwnerWrites {
  readonly calls: Call[] = [];
  /** What a write throws for a task. */
  readonly failures = new Map<string, Error>();

  readonly validate = this.#noted('validate');
  readonly insertControl = this.#noted('insertControl');
  readonly consumePrepare = this.#noted('consumePrepare');
  readonly consumePlan = this.#noted('consumePlan');
  readonly consumePlace = this.#noted('consumePlace');
  readonly finish = this.#noted('finish');
  readonly fail = this.#noted('fail');
  readonly suspend = this.#noted('suspend');
  readonly settle = this.#noted('settle');
  readonly continue = this.#noted('continue');
  readonly apply = this.#noted('apply');
  readonly drop = this.#noted('drop');
  readonly refuse = this.#noted('refuse');
  readonly stop = this.#noted('stop');
  readonly endPending = this.#noted('endPending');
  readonly undo = this.#noted('undo');
  readonly archive = this.#noted('archive');
  readonly saveQueueWaits = (): Promise<void> => Promise.resolve();

  saveAdmissions(...args: Parameters<OwnerWrites['saveAdmissions']>): ReturnType<OwnerWrites['saveAdmissions']> {
    this.calls.push(['saveAdmissions', ...args]);
    return Promise.resolve([]);
  }

  #noted(write: string) {
    return (id: string, ...args: unknown[]): Promise<boolean> => {
      this.calls.push([write, id, ...args]);
      const error = this.failures.get(id);
      return error === undefined ? Promise.resolve(true) : Promise.reject(error);
    };
  }
}

/** A pass over these tasks, on one node of eight slots unless it says otherwise. */
function onePass(tasks: readonly ScheduledTask[], changes: Partial<PassInput> = {}) {
  const writes = new NotedWrites();
  const errors: unknown[] = [];
  const input: PassInput = {
    tasks,
    nodes: [node(8)],
    typeOf: () => Promise.resolve(TYPE),
    versionsOf: () => [],
    maxScheduledTasks: 16,
    pinned: [],
    validate: () => Promise.resolve(true),
    around: (_task, _move, carryOut) => carryOut(),
    ...changes,
  };
  const logger = { error: (fields: unknown) => void errors.push(fields) };
  return { writes, errors, run: () => schedulingPass(input, writes, logger) };
}

const planned = (id: string): Call => ['insertControl', id, 'pending', 'plan', N1, [N1], {}];

describe('a task that can’t be moved on', () => {
  test('keeps no other one waiting', async () => {
    const { writes, errors, run } = onePass([pending('1'), pending('2')]);
    const error = new Error('a row that nobody expected');
    writes.failures.set('1', error);
    expect((await run()).changed).toEqual(['2']);
    expect(writes.calls).toEqual<Call[]>([['saveAdmissions', []], planned('1'), planned('2')]);
    expect(errors).toEqual([{ error, task_id: '1' }]);
  });

  test('keeps no other one waiting when its type can’t be read: it stays as it is, and is not refused', async () => {
    const error = new Error('a type that nobody can read');
    const { writes, errors, run } = onePass([pending('1'), pending('2')], {
      typeOf: (task) => (task.id === '1' ? Promise.reject(error) : Promise.resolve(TYPE)),
    });
    expect((await run()).changed).toEqual(['2']);
    expect(writes.calls).toEqual<Call[]>([['saveAdmissions', []], planned('2')]);
    expect(errors).toEqual([{ error, task_id: '1' }]);
  });

  test('since its row is locked is named, and left alone while it is known to be', async () => {
    const { writes, errors, run } = onePass([pending('1'), pending('2')]);
    writes.failures.set('1', Object.assign(new Error('canceling statement due to lock timeout'), { code: '55P03' }));
    expect(await run()).toMatchObject({ changed: ['2'], locked: ['1'] });
    expect(errors).toEqual([]);

    const next = onePass([pending('1'), pending('2')], { locked: new Set(['1']) });
    expect(await next.run()).toMatchObject({ changed: ['2'], locked: [] });
    expect(next.writes.calls).toEqual<Call[]>([['saveAdmissions', []], planned('2')]);
  });

  test.each(['LEADER_LOST', 'STORE_UNAVAILABLE'] as const)(
    'with %s ends the pass: no other one could be',
    async (code) => {
      const { writes, errors, run } = onePass([pending('1'), pending('2')]);
      const error = new LongshoreError(code, 'not any more');
      writes.failures.set('1', error);
      await expect(run()).rejects.toBe(error);
      expect(writes.calls).toEqual<Call[]>([['saveAdmissions', []], planned('1')]);
      expect(errors).toEqual([]);
    },
  );
});

test('without a node nothing is put on one, and every task that needs one says so', async () => {
  const undone = pending('2', { state: 'reverting', hookRan: true });
  const { writes, run } = onePass([pending('1'), undone], { nodes: [] });
  expect((await run()).changed).toEqual([]);
  const waiting = { code: 'NO_LIVE_NODE', message: 'no executor is live' };
  expect(writes.calls).toEqual<Call[]>([
    [
      'saveAdmissions',
      [
        { taskId: '1', reservedNodes: [], waiting },
        { taskId: '2', reservedNodes: null, waiting },
      ],
    ],
  ]);
});

describe('while a task is modified', () => {
  const modifying = (from: 'pending' | 'running' | 'paused', changes: Partial<ScheduledTask> = {}): ScheduledTask =>
    pending('1', { state: 'modifying', slots: 4, modification: { from, changes: { priority: 1 } }, ...changes });
  const waits = pending('2', { slots: 4 });

  test.each(['pending', 'running'] as const)('that was %s it keeps its slots', async (from) => {
    const { writes, run } = onePass([modifying(from, { reserved: [N1] }), waits], { nodes: [node(4)] });
    await run();
    const message = 'no node has 4 free slots beside the higher-ranked tasks';
    const waiting = { code: 'NO_SLOTS', message };
    expect(writes.calls).toEqual<Call[]>([
      ['saveAdmissions', [{ taskId: '2', reservedNodes: [], waiting }]],
      ['apply', '1', null],
    ]);
  });

  test('that was paused its slots are another one’s', async () => {
    const { writes, run } = onePass([modifying('paused'), waits], { nodes: [node(4)] });
    await run();
    expect(writes.calls).toEqual<Call[]>([['saveAdmissions', []], ['apply', '1', null], planned('2')]);
  });
});

describe('a task whose type nobody can run', () => {
  test.each([
    ['is refused with the versions that can’t', ['2.0.0'], 'TYPE_INCOMPATIBLE', /registered: 2\.0\.0/],
    ['is refused as unknown where no version was ever registered', [], 'TYPE_UNKNOWN', /toy@1\.0\.0/],
  ])('%s', async (_, versions, code, message) => {
    const { writes, run } = onePass([pending('1')], {
      typeOf: () => Promise.resolve(null),
      versionsOf: (type) => (type === 'toy' ? versions : []),
    });
    expect((await run()).changed).toEqual(['1']);
    const error = { code, message: expect.stringMatching(message), permanent: true };
    expect(writes.calls.slice(1)).toEqual<Call[]>([['refuse', '1', error]]);
  });
});

describe('hooks', () => {
  const twoNodes = [node(8), { ...node(8), id: nodeId('n2') }];
  const LONG_MS = 60_000;
  /** Control subtasks of another task that have been running on n1 for long. */
  const hanging = (count: number): ScheduledTask =>
    pending('9', {
      controls: Array.from({ length: count }, (_, index) => ({
        id: String(index) as ScheduledTask['controls'][number]['id'],
        kind: 'plan',
        state: 'running',
        error: null,
        execId: N1,
        runsForMs: LONG_MS,
      })),
    });
  const waiting = (state: string, kind: string): ScheduledTask =>
    pending('1', {
      state,
      reserved: [N1],
      hookRan: true,
      controls: [
        {
          id: '77' as ScheduledTask['controls'][number]['id'],
          kind,
          state: 'pending',
          error: null,
          execId: N1,
          runsForMs: null,
        },
      ],
    });
  const saved = (calls: readonly Call[]): unknown =>
    calls.flatMap(([write, changes]) => (write === 'saveAdmissions' ? (changes as object[]) : []));

  test('go to the node that has the fewest', async () => {
    const { writes, run } = onePass([pending('2'), hanging(4)], { nodes: twoNodes });
    await run();
    expect(writes.calls).toContainEqual(['insertControl', '2', 'pending', 'plan', 'n2', ['n1', 'n2'], {}]);
  });

  test('of one pass are counted too', async () => {
    const tasks = ['2', '4', '6', '8'].map((id) => pending(id));
    const { writes, run } = onePass(tasks, { nodes: twoNodes });
    await run();
    const nodes = writes.calls.filter(([write]) => write === 'insertControl').map((call) => call[4]);
    expect(nodes.toSorted()).toEqual(['n1', 'n1', 'n2', 'n2']);
  });

  test.each([
    ['pending', 'plan'],
    ['reverting', 'revert'],
  ])('of a %s task say so when others that run for long have all places of their node', async (state, kind) => {
    const { writes, run } = onePass([waiting(state, kind), hanging(4)]);
    await run();
    expect(saved(writes.calls)).toContainEqual(
      expect.objectContaining({
        taskId: '1',
        waiting: { code: 'NO_PLACE', message: `${kind} waits for a place on node n1, which runs 4 hooks already` },
      }),
    );
  });

  test('that find a place don’t', async () => {
    const { writes, run } = onePass([waiting('reverting', 'revert'), hanging(3)]);
    await run();
    expect(saved(writes.calls)).not.toContainEqual(expect.objectContaining({ taskId: '1' }));
  });
});
