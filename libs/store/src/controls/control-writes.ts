import { SUBTASK_KINDS, TaskState, type ControlKind } from '@longshore/core';
import { sql } from 'kysely';
import { findUnfinished } from '../plans/step-start.ts';
import { asLeaderAtOnce } from '../scheduling/leader-lease.ts';
import { withTask, type LeadingOwner } from '../scheduling/task-write.ts';
import { COMMIT_LATER, type Tx } from '../session/transactions.ts';
import { hasRunning } from '../tasks/end-task.ts';
import type { LockedTask } from '../tasks/transition-task.ts';
import { controlInsertion, type ControlMeta } from './control-row.ts';

/** The rows of hooks that the leading owner adds. */
export interface ControlWrites {
  /**
   * Adds a control subtask on a node.
   *
   * @param reserved nodes that the task has just been given: stored in the same transaction.
   * @param meta what the hook is told. Default nothing.
   */
  insertControl(
    taskId: string,
    state: string,
    kind: ControlKind,
    node: string,
    reserved?: readonly string[],
    meta?: ControlMeta,
  ): Promise<boolean>;
}

export function controlWrites(leader: LeadingOwner): ControlWrites {
  return {
    insertControl: (id, state, kind, node, reserved, meta) => {
      // Before the first step nothing but the state has to be looked at.
      if (state === TaskState.pending) return insertFirstControl(leader, id, kind, node, reserved);
      return withTask(leader, id, async (tx, task, commit) => {
        if (task.state !== state || !(await isReadyFor(kind, tx, task))) return false;
        await commit(COMMIT_LATER, controlInsertion(task, kind, node, reserved, meta));
        return true;
      });
    },
  };
}

/** Whether the task's rows allow a hook of this kind now, as the snapshot said. */
async function isReadyFor(kind: ControlKind, tx: Tx, task: LockedTask): Promise<boolean> {
  switch (SUBTASK_KINDS[kind].comesAfter) {
    case 'step':
      return task.step === null || (await findUnfinished(tx, [task.id])).size === 0;
    case 'everything':
      return !(await hasRunning(tx, task));
    case 'nothing':
      return true;
  }
}

/**
 * Adds the control subtask of a pending task, and stores the nodes that it has just been given. From then on passes look at the task, because its hook
 * goes on without slots.
 */
async function insertFirstControl(
  { db, lease, patience }: LeadingOwner,
  id: string,
  kind: ControlKind,
  node: string,
  reserved: readonly string[] | undefined,
): Promise<boolean> {
  const written = await asLeaderAtOnce(
    db,
    lease,
    sql`SELECT 1 FROM tasks WHERE id = ${id} FOR UPDATE`,
    (isLeader) => sql`
      WITH task AS (SELECT id, coalesce(step, '') AS step FROM tasks WHERE id = ${id} AND state = 'pending' AND ${isLeader}),
      admitted AS (
        UPDATE tasks t SET has_hook = true, reserved_nodes = coalesce(${reserved ?? null}::text[], reserved_nodes),
          waiting = CASE WHEN ${reserved !== undefined} THEN NULL ELSE waiting END
        FROM task WHERE t.id = task.id)
      INSERT INTO subtasks (task_id, kind, step, plan_attempt, ordinal, state, exec_id, is_idempotent, meta)
      SELECT id, ${kind}, step, 0, 1, 'pending', ${node}, true, '{}' FROM task
      ON CONFLICT (task_id, kind, step, plan_attempt, ordinal) DO NOTHING`,
    patience?.ms,
  );
  return written > 0;
}
