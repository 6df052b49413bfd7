import { slotsPerSubtaskAfter, TaskState, type Modification, type TaskChanges, type TaskGuard } from '@longshore/core';
import { nextTaskState, type ErrorData } from '@longshore/core';
import { sql } from 'kysely';
import { archiveEndedControls } from '../controls/ended-controls.ts';
import type { AsSubmitted } from '../schema/database.ts';
import type { Tx } from '../session/transactions.ts';
import { transitionTask, type LockedTask } from './transition-task.ts';

/** What a modification works on, read under the task's lock. */
interface ModifiedRow {
  slots: number;
  slots_per_subtask: number;
  max_nodes: number | null;
  /** Null: it isn't changed. */
  meta: Readonly<Record<string, unknown>> | null;
  as_submitted: AsSubmitted | null;
}

const GUARD_OF: Readonly<Record<Modification['from'], TaskGuard>> = {
  pending: 'it was pending',
  running: 'it was running',
  paused: 'it was paused',
  'awaiting-resolution': 'it awaited resolution',
};

/**
 * Writes a modification, and lets the task go back to where it was.
 *
 * @param meta the new meta as the task type answered it; undefined: it stays.
 */
export async function applyModification(tx: Tx, task: LockedTask, actor: string, meta: unknown): Promise<void> {
  const { modification } = task;
  if (modification === null) throw new TypeError(`task ${task.id} is modifying, and nothing says what`);
  const { changes } = modification;
  const found = await sql<ModifiedRow>`
    SELECT slots, slots_per_subtask, max_nodes, ${changes.meta === undefined ? sql`NULL::json` : sql`meta`} AS meta, as_submitted
    FROM tasks WHERE id = ${task.id}`.execute(tx);
  const row = found.rows[0];
  if (row === undefined) throw new TypeError(`task ${task.id} is locked and gone`);
  const before = { slots: row.slots, slotsPerSubtask: row.slots_per_subtask };
  await sql`
    UPDATE tasks SET
      revision = revision + 1,
      slots = ${changes.slots ?? row.slots},
      slots_per_subtask = ${slotsPerSubtaskAfter(before, changes)},
      priority = coalesce(${changes.priority ?? null}, priority),
      on_failure = coalesce(${changes.onFailure ?? null}, on_failure),
      max_nodes = ${orKept(changes.maxNodes, 'max_nodes')},
      subtask_timeout_ms = ${orKept(changes.subtaskTimeoutMs, 'subtask_timeout_ms')},
      stall_timeout_ms = ${orKept(changes.stallTimeoutMs, 'stall_timeout_ms')},
      runtime_slots = ${jsonOrKept(changes.runtimeSlots, 'runtime_slots')},
      selectors = ${jsonOrKept(changes.selectors, 'selectors')},
      throttle = ${jsonOrKept(changes.throttle, 'throttle')},
      retry = (retry::jsonb || ${JSON.stringify(changes.retry ?? {})}::jsonb)::json,
      as_submitted = ${jsonOrKept(submittedAfter(row, changes), 'as_submitted')},
      meta = coalesce(${meta === undefined ? null : JSON.stringify(meta)}::json, meta),
      deadline_ms = ${orKept(changes.deadlineMs, 'deadline_ms')},
      deadline_at = ${deadlineOf(changes, modification)},
      deadline_left = ${deadlineLeftOf(changes, modification)}
    WHERE id = ${task.id}`.execute(tx);
  await goBack(tx, task, modification, actor, 'apply', describeChanges(changes));
}

/**
 * What a task was submitted with, as a user has changed it; undefined: what there is stays. Without a change of its meta nothing has to be kept
 * for a task that is still as it was submitted.
 */
function submittedAfter(row: ModifiedRow, changes: TaskChanges): AsSubmitted | undefined {
  if (row.as_submitted === null && changes.meta === undefined) return undefined;
  const before = row.as_submitted ?? {
    meta: row.meta,
    slots: row.slots,
    slotsPerSubtask: row.slots_per_subtask,
    maxNodes: row.max_nodes,
  };
  const { slots = before.slots, maxNodes = before.maxNodes, meta = {} } = changes;
  const kept = Object.entries(before.meta ?? {}).filter(([key]) => !(key in meta));
  const given = Object.entries(meta).filter(([, value]) => value !== null);
  return {
    meta: Object.fromEntries([...kept, ...given]),
    slots,
    slotsPerSubtask: slotsPerSubtaskAfter(before, changes),
    maxNodes,
  };
}

/** Lets a task continue as before when its type refused a modification. */
export async function dropModification(tx: Tx, task: LockedTask, actor: string, error: ErrorData): Promise<void> {
  if (task.modification === null) throw new TypeError(`task ${task.id} is modifying, and nothing says what`);
  // Its answer must not stand for the next modification's.
  await archiveEndedControls(tx, task.id);
  await goBack(tx, task, task.modification, actor, 'drop', `${error.code}: ${error.message}`);
}

async function goBack(
  tx: Tx,
  task: LockedTask,
  { from }: Modification,
  actor: string,
  trigger: 'apply' | 'drop',
  message: string,
): Promise<void> {
  const to = nextTaskState(TaskState.modifying, trigger, [GUARD_OF[from]]);
  if (to === null) throw new TypeError(`task ${task.id} was modified from ${from}`);
  await transitionTask(tx, task, { trigger, to, actor, message });
}

function orKept(value: number | null | undefined, column: string): ReturnType<typeof sql> {
  return value === undefined ? sql.ref(column) : sql`${value}`;
}

function jsonOrKept(value: unknown, column: string): ReturnType<typeof sql> {
  return value === undefined ? sql.ref(column) : sql`${value === null ? null : JSON.stringify(value)}::json`;
}

const rests = ({ from }: Modification): boolean => from === 'paused' || from === 'awaiting-resolution';

/** A changed deadline counts from submit like the one before; time that was not counted up to now stays so. */
function deadlineOf({ deadlineMs }: TaskChanges, modification: Modification): ReturnType<typeof sql> {
  if (deadlineMs === undefined) return sql`deadline_at`;
  if (deadlineMs === null || rests(modification)) return sql`NULL`;
  return sql`coalesce(deadline_at + (${deadlineMs}::bigint - deadline_ms) * interval '1 millisecond',
    created_at + ${deadlineMs}::bigint * interval '1 millisecond')`;
}

function deadlineLeftOf({ deadlineMs }: TaskChanges, modification: Modification): ReturnType<typeof sql> {
  if (deadlineMs === undefined) return sql`deadline_left`;
  if (deadlineMs === null || !rests(modification)) return sql`NULL`;
  return sql`greatest(interval '0', coalesce(deadline_left + (${deadlineMs}::bigint - deadline_ms) * interval '1 millisecond',
    created_at + ${deadlineMs}::bigint * interval '1 millisecond' - clock_timestamp()))`;
}

/** What was changed, for the task's events. Of the meta only the keys, as its values may be long. */
function describeChanges({ meta, ...rest }: TaskChanges): string {
  const parts = Object.entries(rest).map(
    ([name, value]) => `${name}: ${value === null ? 'none' : JSON.stringify(value)}`,
  );
  if (meta !== undefined) parts.push(`meta: ${Object.keys(meta).join(', ')}`);
  return parts.join('; ');
}
