import { SUBTASK_KINDS, type ControlKind } from '@longshore/core';
import { sql, type RawBuilder } from 'kysely';
import type { LockedTask } from '../tasks/transition-task.ts';

/** What a control subtask carries for its hook, or for whoever takes its result. */
export interface ControlMeta {
  /** For `place`: the membership for which it asks. */
  readonly placedFor?: string;
}

/**
 * The statement that adds a task's control subtask, for a transaction that holds the task's row.
 *
 * @param reserved nodes that the task has just been given: stored by the same statement.
 */
export function controlInsertion(
  task: LockedTask,
  kind: ControlKind,
  node: string,
  reserved?: readonly string[],
  meta: ControlMeta = {},
): RawBuilder<unknown> {
  // One row per kind and step, or one for all steps: two passes that decide the same write it once. Both arms depend on the task's lock, which the caller has.
  const admitted =
    reserved === undefined
      ? sql``
      : sql`WITH admitted AS (UPDATE tasks SET reserved_nodes = ${reserved}::text[], waiting = NULL WHERE id = ${task.id})`;
  return sql`${admitted}
    INSERT INTO subtasks (task_id, kind, step, plan_attempt, ordinal, state, exec_id, is_idempotent, meta)
    VALUES (${task.id}, ${kind}, ${SUBTASK_KINDS[kind].rows === 'per task' ? '' : (task.step ?? '')}, 0, 1, 'pending', ${node}, true,
      ${JSON.stringify(meta)}::json)
    ON CONFLICT (task_id, kind, step, plan_attempt, ordinal) DO NOTHING`;
}
