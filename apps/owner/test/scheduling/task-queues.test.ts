import {
  cancelTask,
  countQueuedTasks,
  modifyTask,
  readNodes,
  readPinnedSlots,
  readSchedulingSnapshot,
  readTask,
  registerNode,
  registerType,
  setNodeState,
  type NodeIdentity,
} from '@longshore/store';
import { sql } from 'kysely';
import { beforeEach, describe, expect, test } from 'vitest';
import { admitInRankOrder } from '../../src/scheduling/admissions.ts';
import { useOwner } from '../fixtures/owner-ground.ts';

const LIMIT = 6;
const owner = useOwner(LIMIT);

/** Many more than one pass reads of a queue. */
const MANY = 250;

/** Tasks that want the same: so many of them, in between those of the other kinds. */
interface Kind {
  readonly type?: 'plain' | 'prepared' | 'unknown-to-nodes';
  readonly scope?: string;
  readonly slots: number;
  readonly priority?: number;
  readonly count?: number;
}

async function addNode(id: string, slots: number, scope = ''): Promise<NodeIdentity> {
  const types = ['plain', 'prepared'].map((type) => ({ type, version: '1.0.0' }));
  return registerNode(owner.store().db, {
    id,
    scope,
    labels: {},
    slots,
    types,
    host: 'here',
    pid: 1,
    leaseTtlMs: 3_600_000,
  });
}

/** Submits tasks of each kind in turn. */
async function submitAll(kinds: readonly Kind[]): Promise<void> {
  const { db } = owner.store();
  await sql`
    INSERT INTO tasks (key, type, type_version, state, priority, scope, slots, slots_per_subtask, on_failure, meta, retry)
    SELECT 'task ' || n || ' of ' || k.kind, k.type, '1.0.0', 'pending', k.priority, k.scope, k.slots, 1, 'revert', '{}', '{}'
    FROM generate_series(1, ${MANY}::int) AS n CROSS JOIN LATERAL unnest(
      ${kinds.map((_, index) => index)}::int[], ${kinds.map((kind) => kind.type ?? 'plain')}::text[],
      ${kinds.map((kind) => kind.priority ?? 512)}::int[], ${kinds.map((kind) => kind.scope ?? '')}::text[],
      ${kinds.map((kind) => kind.slots)}::int[], ${kinds.map((kind) => kind.count ?? MANY)}::int[]) AS k(kind, type, priority, scope, slots, count)
    WHERE n <= k.count ORDER BY n, k.kind`.execute(db);
}

async function rounds(): Promise<void> {
  for (let round = 0; round < 4; round++) await owner.round();
}

/** Nodes of each task, or the reason why it waits: as stored, and as decided on all tasks at once. */
async function outcomes(): Promise<{ readonly stored: unknown[]; readonly decided: unknown[] }> {
  const { db } = owner.store();
  const all = await readSchedulingSnapshot(db, { leastHeads: 1_000_000 });
  const types = new Map(
    all.map((task) => [task.id, { steps: ['load'], hooks: task.type === 'prepared' ? ['prepare'] : [] }]),
  );
  const admissions = admitInRankOrder(all, types, {
    nodes: await readNodes(db),
    maxScheduledTasks: LIMIT,
    pinned: await readPinnedSlots(db),
  });
  const decided = all.map(({ id }) => {
    const { nodes = [], waiting = null } = admissions.get(id) ?? {};
    return { id, nodes, code: waiting?.code, message: waiting?.message };
  });
  const stored = [];
  for (const { id } of all) {
    const task = await readTask(db, id);
    const { reservedNodes: nodes = [], waiting = null } = task ?? {};
    stored.push({ id, nodes, code: waiting?.code, message: waiting?.message });
  }
  return { stored, decided };
}

beforeEach(async () => {
  const { db } = owner.store();
  for (const table of ['subtasks', 'tasks', 'nodes'] as const) await db.deleteFrom(table).execute();
  for (const [type, hooks] of [
    ['plain', []],
    ['prepared', ['prepare']],
    ['unknown-to-nodes', []],
  ] as const) {
    const known = { type, version: '1.0.0', description: '', contract: 1, steps: ['load'], schema: {}, defaults: {} };
    await registerType(db, { ...known, hooks: [...hooks] });
  }
});

describe('a pass that reads the heads of queues', () => {
  const worlds: readonly [string, readonly (readonly [slots: number, scope?: string])[], readonly Kind[]][] = [
    ['one kind, until the slots are gone', [[8], [8]], [{ slots: 4 }]],
    ['one kind, until the limit', [[16], [16]], [{ slots: 1 }]],
    ['two kinds in turn', [[16], [8]], [{ slots: 8 }, { slots: 2 }]],
    ['a kind that is too large beside one that reaches the limit', [[8], [8]], [{ slots: 9 }, { slots: 1 }]],
    ['a kind that has no node, before all others', [[8]], [{ slots: 1, scope: 'nowhere', priority: 1 }, { slots: 1 }]],
    [
      'scopes of their own',
      [[8, 'a'], [4, 'b'], [4]],
      [{ slots: 4, scope: 'b' }, { slots: 4, scope: 'a' }, { slots: 3 }],
    ],
    ['a few that go first', [[8], [8]], [{ slots: 2 }, { slots: 8, priority: 1, count: 2 }]],
    ['a type that no node has', [[8]], [{ slots: 1, type: 'unknown-to-nodes' }, { slots: 1 }]],
    ['no node', [], [{ slots: 1 }, { slots: 2 }]],
  ];

  test.each(worlds)('gives slots, and says why the others wait, as if it read all: %s', async (_, nodes, kinds) => {
    for (const [index, [slots, scope]] of nodes.entries()) await addNode(`n${index + 1}`, slots, scope);
    await submitAll(kinds);
    await rounds();
    const { stored, decided } = await outcomes();
    expect(stored).toEqual(decided);
    expect(decided.filter((one) => (one as { code?: string }).code !== undefined).length).toBeGreaterThan(100);
  });

  test('follows what changes: nodes that go and come, a task behind the heads that goes first, one that is canceled', async () => {
    const { db } = owner.store();
    const n1 = await addNode('n1', 8);
    await submitAll([{ slots: 4 }, { slots: 2 }]);
    await rounds();
    const ids = (await db.selectFrom('tasks').select('id').orderBy('id').execute()).map((row) => row.id);
    const [behind, canceled] = [ids.at(-1)!, ids.at(-2)!];
    expect(await readTask(db, behind)).toMatchObject({ reservedNodes: [], waiting: { code: 'NO_SLOTS' } });
    const counted = await countQueuedTasks(db);
    expect(counted).toMatchObject([{ type: 'plain', code: 'NO_SLOTS' }]);
    expect(counted[0]!.tasks).toBeGreaterThan(2 * MANY - 210);

    await modifyTask(db, behind, { priority: 1 }, 'client', null);
    await cancelTask(db, canceled, 'client', null);
    await rounds();
    expect(await readTask(db, behind)).toMatchObject({ reservedNodes: ['n1'], waiting: null });
    expect(await readTask(db, canceled)).toMatchObject({ isArchived: true, outcome: 'canceled' });

    await setNodeState(db, n1, 'stopped');
    await rounds();
    const ofNone = await outcomes();
    expect(ofNone.stored).toEqual(ofNone.decided);
    expect(ofNone.stored.at(-1)).toMatchObject({ code: 'NO_LIVE_NODE' });
    await addNode('n2', 32);
    await rounds();
    const ofMore = await outcomes();
    expect(ofMore.stored).toEqual(ofMore.decided);
    expect(ofMore.stored.at(-1)).toMatchObject({ code: 'TASK_LIMIT' });
  });

  test('fails a task whose deadline is over wherever it stands', async () => {
    const { db } = owner.store();
    await submitAll([{ slots: 1 }]);
    const late = (await db.selectFrom('tasks').select('id').orderBy('id', 'desc').limit(1).executeTakeFirstOrThrow())
      .id;
    await rounds();
    await sql`UPDATE tasks SET deadline_at = clock_timestamp() - interval '1 second' WHERE id = ${late}`.execute(db);
    await rounds();
    expect(await readTask(db, late)).toMatchObject({ outcome: 'failed', error: { code: 'DEADLINE_EXCEEDED' } });
  });

  test('has all tasks prepared page by page, and looks at each whose hook waits', async () => {
    const { db } = owner.store();
    await addNode('n1', 8);
    await submitAll([{ slots: 1, type: 'prepared' }]);
    const hooks = async (): Promise<number> => (await db.selectFrom('subtasks').select('id').execute()).length;
    await owner.round();
    expect(await hooks()).toBeLessThan(MANY);
    await rounds();
    expect(await hooks()).toBe(MANY);
    expect(await readSchedulingSnapshot(db)).toHaveLength(MANY);
  });
});
