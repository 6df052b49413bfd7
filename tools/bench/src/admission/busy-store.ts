import { DEFAULT_RETRY_POLICY, type OfferedType } from '@longshore/core';
import {
  claimSubtasks,
  insertPlanPage,
  PLAN_PAGE_ROWS,
  readClaimableWork,
  registerNode,
  registerType,
  settleSubtasks,
  submitTask,
  type ClaimedSubtask,
  type Db,
  type NodeIdentity,
} from '@longshore/store';

const TYPE: OfferedType = { type: 'busy', version: '1.0.0' };
const STEP = 'work';
const SLOTS = 16;
/** Longer than any run, in milliseconds: nobody renews these nodes. */
const LEASE_TTL_MS = 3_600_000;

/** Registers nodes, and the one type that all of them offer. */
export async function addNodes(db: Db, count: number): Promise<readonly NodeIdentity[]> {
  await registerType(db, {
    ...TYPE,
    description: 'Rows without executors.',
    contract: 1,
    steps: [STEP],
    hooks: [],
    schema: { type: 'object' },
    defaults: {},
  });
  const names = Array.from({ length: count }, (_, index) => `node-${index + 1}`);
  return Promise.all(
    names.map((id) =>
      registerNode(db, {
        id,
        scope: '',
        labels: {},
        slots: SLOTS,
        types: [TYPE],
        host: 'here',
        pid: 1,
        leaseTtlMs: LEASE_TTL_MS,
      }),
    ),
  );
}

/** How many are submitted at once: their commits share the disk. */
const SUBMITTERS = 8;

/** Submits tasks of one slot on each node. */
export async function submitTasks(db: Db, count: number, priority: number): Promise<void> {
  let next = 0;
  const submitter = async (): Promise<void> => {
    while (next < count) await submitOne(db, `${priority}-${next++}`, priority);
  };
  await Promise.all(Array.from({ length: SUBMITTERS }, submitter));
}

async function submitOne(db: Db, key: string, priority: number): Promise<void> {
  await submitTask(db, {
    key,
    type: TYPE.type,
    typeVersion: TYPE.version,
    priority,
    scope: '',
    slots: 1,
    slotsPerSubtask: 1,
    maxNodes: null,
    runtimeSlots: null,
    selectors: null,
    onFailure: 'revert',
    retry: DEFAULT_RETRY_POLICY,
    pauseOn: [],
    subtaskTimeoutMs: null,
    stallTimeoutMs: null,
    deadlineMs: null,
    throttle: null,
    gates: null,
    meta: {},
    trace: null,
    contentHash: key,
    actor: 'bench',
  });
}

/** Does what executors do with the plans that the owner has inserted: each task gets so many pending subtasks, spread over all nodes. */
export async function planAll(db: Db, nodes: readonly NodeIdentity[], subtasks: number): Promise<void> {
  for (const node of nodes) {
    const { controls } = await readClaimableWork(db, node.id);
    const plans = controls.map((control) => control.id);
    for (const plan of await claimSubtasks(db, node, [], plans)) {
      await writePlan(db, node, plan, nodes, subtasks);
    }
  }
}

async function writePlan(
  db: Db,
  node: NodeIdentity,
  plan: ClaimedSubtask,
  nodes: readonly NodeIdentity[],
  subtasks: number,
): Promise<void> {
  const { id, attempt, taskId, kind } = plan;
  for (let first = 1; first <= subtasks; first += PLAN_PAGE_ROWS) {
    const rows = Array.from({ length: Math.min(PLAN_PAGE_ROWS, subtasks - first + 1) }, (_, index) => ({
      ordinal: first + index,
      execId: nodes[(first + index) % nodes.length]?.id ?? node.id,
      isIdempotent: true,
      meta: null,
    }));
    await insertPlanPage(db, node, { id, attempt, taskId, step: STEP }, rows);
  }
  const result = { step: STEP, planAttempt: attempt, subtasks };
  await settleSubtasks(db, node, [{ id, attempt, taskId, kind, rows: 0, bytes: 0, how: 'succeed', result }]);
}

/** Starts a subtask of each running task on each node. */
export async function startAll(db: Db, nodes: readonly NodeIdentity[]): Promise<number> {
  let started = 0;
  for (const node of nodes) {
    const { tasks } = await readClaimableWork(db, node.id);
    const requests = tasks.map((task) => ({ taskId: task.id, limit: 1, afterOrdinal: 0 }));
    started += (await claimSubtasks(db, node, requests, [])).length;
  }
  return started;
}
