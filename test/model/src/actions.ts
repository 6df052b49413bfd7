import { LongshoreError, nodeId, taskId } from '@longshore/core';
import { balanceOnce } from '@longshore/balancer/internal';
import {
  fenceExpiredNodes,
  moveSubtasks,
  setNodeState,
  submitTask,
  sweepOrphans,
  type OnLeftOut,
  type NewTask,
} from '@longshore/store';
import type { World } from './world.ts';

/** More numbers than a node has runs. */
export const ALL: readonly number[] = Array.from({ length: 64 }, (_, index) => index);

/** What the parts of a cluster do, one at a time. Each is harmless where there is nothing to do. */

export async function submit(world: World, task: Omit<NewTask, 'key' | 'contentHash'>): Promise<void> {
  const key = `task ${world.tasks.length + 1}`;
  // Taken before anything is waited for: two submits at the same time have two keys.
  const index = world.tasks.push('') - 1;
  const { id } = await submitTask(world.store.db, { ...task, key, contentHash: key });
  world.tasks[index] = id;
}

/** A pass of the leading owner; its reservations fit on the nodes. */
export async function pass(world: World): Promise<void> {
  const { pass: carryOut } = world.leader;
  if (world.isRacing) {
    // It may lose its lease in the middle.
    await carryOut().catch(expecting('LEADER_LOST'));
    return;
  }
  const slotsBefore = await readSlots(world);
  const { nodes } = await carryOut();
  const after = await readSlots(world);
  for (const node of nodes.filter((one) => one.state === 'live')) {
    let reserved = 0;
    for (const [id, task] of after) if (task.nodes.includes(node.id)) reserved += slotsBefore.get(id)?.slots ?? 0;
    if (reserved > node.slots) throw new Error(`${reserved} slots are reserved on ${node.id}, which has ${node.slots}`);
  }
}

type SlotsOfTask = ReadonlyMap<string, { readonly slots: number; readonly nodes: readonly string[] }>;

/** What the tasks have that take part in admission. */
async function readSlots({ session }: World): Promise<SlotsOfTask> {
  const { rows } = await session.query<{ id: string; slots: number; reserved_nodes: string[] }>(
    `SELECT id, slots, reserved_nodes FROM tasks WHERE state IN ('pending', 'running', 'modifying')`,
  );
  return new Map(rows.map((row) => [row.id, { slots: row.slots, nodes: row.reserved_nodes }]));
}

/** A pass of an owner that has lost its lease and doesn't know: it is refused, and changes nothing. */
export async function lateOwnersPass(world: World, index: number): Promise<void> {
  const { leader } = world;
  const lateOnes = world.owners.filter((one) => one !== leader);
  const late = lateOnes[index % Math.max(1, lateOnes.length)];
  if (late === undefined) return;
  const before = world.isRacing ? null : await digest(world);
  await late.pass().catch(expecting('LEADER_LOST'));
  if (before !== null && (await digest(world)) !== before) throw new Error('an owner wrote that does not lead');
}

async function digest({ session }: World): Promise<string> {
  const { rows } = await session.query<{ all: string }>(
    `SELECT md5(concat((SELECT json_agg(t ORDER BY id) FROM tasks t), (SELECT json_agg(s ORDER BY id) FROM subtasks s),
       (SELECT json_agg(e ORDER BY task_id, seq) FROM task_events e), (SELECT count(*) FROM subtask_history))) AS all`,
  );
  return rows[0]?.all ?? '';
}

/** A pass of the node-manager: nodes whose leases are over are fenced, and what they held is freed. */
export async function manage({ store, manager }: World): Promise<void> {
  const onLeftOut: OnLeftOut = ({ what, error }) => {
    throw new Error(`${what} could not be written`, { cause: error });
  };
  await fenceExpiredNodes(store.db, manager, 0, { onLeftOut });
  await sweepOrphans(store.db, manager, onLeftOut);
}

export async function balance({ store, balancer }: World): Promise<void> {
  const warn = (fields: unknown): never => {
    throw new Error('pending subtasks could not be moved', { cause: fields });
  };
  await balanceOnce({ store, logger: { info: () => undefined, warn } }, balancer);
}

/** Moves pending work as no balancer would: wherever it goes, it must be run once. */
export async function shuffle(world: World, task: number, count: number): Promise<void> {
  const { store, balancer } = world;
  const id = world.taskAt(task);
  if (id === null) return;
  for (const [from, to] of [
    ['n1', 'n2'],
    ['n2', 'n3'],
    ['n3', 'n1'],
  ] as const) {
    await moveSubtasks(store.db, balancer, [
      { taskId: taskId(id), from: nodeId(from), to: nodeId(to), count, reason: 'even spread' },
    ]);
  }
}

/** An executor looks for work. @param isHeard false: the answer to its claim gets lost. */
export async function claim(world: World, name: string, isHeard = true): Promise<void> {
  const executor = world.nodes.get(name);
  if (executor === undefined) return;
  await executor.claim(isHeard).catch(expecting('NODE_FENCED'));
}

/** Its process is killed: what it ran is run no more. */
export function kill(world: World, name: string): Promise<void> {
  world.nodes.get(name)?.runs.clear();
  world.lose(name);
  return Promise.resolve();
}

/**
 * A node's lease runs out. An executor that only lost its connection stops by itself what may not run twice; one that was stopped as a
 * process goes on with all of it when it is let go.
 */
export async function partition(world: World, name: string, isFrozen: boolean): Promise<void> {
  const executor = world.nodes.get(name);
  world.lose(name);
  if (!isFrozen) await executor?.stopAll('lost-lease');
  await world.session.query(
    `UPDATE nodes SET lease_expires_at = '-infinity' WHERE id = $1 AND state IN ('live', 'draining')`,
    [name],
  );
}

/** A node is stopped as an operator does: it takes nothing more, hands back what may run elsewhere, and ends with the rest. */
export async function drain(world: World, name: string): Promise<void> {
  const executor = world.nodes.get(name);
  if (executor === undefined) return;
  await setNodeState(world.store.db, executor.identity, 'draining');
  await executor.stopAll('shutdown');
  await executor.end(ALL, 'succeed', { rows: 0, isIdempotent: true, slots: 1 });
  await executor.reconcile();
  world.lose(name);
  await setNodeState(world.store.db, executor.identity, 'stopped');
}

/** A task's deadline passes, if it has one. */
export async function passDeadline(world: World, task: number): Promise<void> {
  const id = world.taskAt(task);
  if (id === null) return;
  await world.session.query(
    'UPDATE tasks SET deadline_at = clock_timestamp() WHERE id = $1 AND deadline_at IS NOT NULL',
    [id],
  );
}

function expecting(code: string): (thrown: unknown) => void {
  return (thrown) => {
    if (!LongshoreError.is(thrown) || thrown.code !== code) throw thrown;
  };
}
