import {
  isTaskTransition,
  LongshoreError,
  type ErrorData,
  type Modification,
  type TaskOutcome,
  type TaskState,
  type TaskTrigger,
} from '@longshore/core';
import { sql, type RawBuilder } from 'kysely';
import type { RestartWish } from '../schema/database.ts';
import { actorColumns, type Actor } from './actor.ts';
import { storableText } from './storable-text.ts';
import type { Tx } from '../session/transactions.ts';

/** The part of a task that a transition is decided on, read under its row lock. */
export interface LockedTask {
  readonly id: string;
  readonly state: string;
  readonly version: number;
  readonly step: string | null;
  readonly planAttempt: number;
  readonly isValidated: boolean;
  readonly isPrepared: boolean;
  readonly onFailure: string;
  readonly type: string;
  readonly typeVersion: string;
  readonly reservedNodes: readonly string[];
  /** The state to which a resume returns it; null: it isn't paused, pausing or resuming. */
  readonly priorState: string | null;
  readonly modification: Modification | null;
  readonly isForced: boolean;
  /** Who wants its next run to start once it is undone; null: nobody. */
  readonly restart: RestartWish | null;
}

/**
 * Takes a task's row exclusively and reads it: what is decided next can't change under us, and no claim, page or other
 * transition of this task commits meanwhile. Null: it has left for history.
 */
export async function lockTask(tx: Tx, id: string): Promise<LockedTask | null> {
  return (await lockTasks(tx, [id])).get(id) ?? null;
}

/** Takes the rows of tasks exclusively, in order of their ids, and reads them. Those that have left for history are missing. */
export async function lockTasks(tx: Tx, ids: readonly string[]): Promise<ReadonlyMap<string, LockedTask>> {
  const rows = await sql<LockedRow>`
    SELECT id, state, version, step, plan_attempt, is_validated, is_prepared, on_failure, type, type_version, reserved_nodes,
      prior_state, modification, is_forced, restart
    FROM tasks WHERE id = ANY(${ids}::bigint[]) ORDER BY id FOR UPDATE`.execute(tx);
  return new Map(rows.rows.map((row) => [row.id, toLockedTask(row)]));
}

interface LockedRow {
  id: string;
  state: string;
  version: number;
  step: string | null;
  plan_attempt: number;
  is_validated: boolean;
  is_prepared: boolean;
  on_failure: string;
  type: string;
  type_version: string;
  reserved_nodes: string[];
  prior_state: string | null;
  modification: Modification | null;
  is_forced: boolean;
  restart: RestartWish | null;
}

function toLockedTask(row: LockedRow): LockedTask {
  return {
    id: row.id,
    state: row.state,
    version: row.version,
    step: row.step,
    planAttempt: row.plan_attempt,
    isValidated: row.is_validated,
    isPrepared: row.is_prepared,
    onFailure: row.on_failure,
    type: row.type,
    typeVersion: row.type_version,
    reservedNodes: row.reserved_nodes,
    priorState: row.prior_state,
    modification: row.modification,
    isForced: row.is_forced,
    restart: row.restart,
  };
}

export interface Transition {
  readonly trigger: TaskTrigger;
  readonly to: TaskState;
  readonly actor: Actor;
  readonly message?: string | null;
  readonly step?: { readonly name: string | null; readonly planAttempt: number };
  readonly error?: ErrorData;
  readonly outcome?: TaskOutcome;
  readonly result?: unknown;
  /** What is to be changed, on the way to `modifying`. */
  readonly modification?: Modification;
  /** Clears its error, because it continues. */
  readonly clearsError?: boolean;
}

/** States in which a deadline rests: nothing can be done for the task until a person says so. */
const RESTING: ReadonlySet<string> = new Set(['paused', 'awaiting-resolution']);

/** What becomes of the deadline. A missed one gets its whole time again, because a person let the task continue. */
function deadlineAfter(to: TaskState): { readonly at: RawBuilder<unknown>; readonly left: RawBuilder<unknown> } {
  if (RESTING.has(to)) {
    return {
      at: sql`NULL`,
      left: sql`CASE WHEN deadline_at IS NULL THEN deadline_left ELSE greatest(deadline_at - clock_timestamp(), interval '0') END`,
    };
  }
  if (to === 'modifying') return { at: sql`deadline_at`, left: sql`deadline_left` };
  return {
    at: sql`CASE WHEN deadline_left IS NULL THEN deadline_at
      WHEN deadline_left > interval '0' THEN clock_timestamp() + deadline_left
      ELSE clock_timestamp() + deadline_ms * interval '1 millisecond' END`,
    left: sql`NULL`,
  };
}

/** States between a pause and the end of the resume. */
const KEEPS_PRIOR_STATE: ReadonlySet<string> = new Set(['paused', 'resuming', 'modifying']);

/** Where a paused task continues later, kept from the pause to the end of the resume; or one whose revert is given up. */
function priorStateAfter(task: LockedTask, to: TaskState): string | null {
  if (to === 'pausing') return task.state;
  if (to === 'resuming' && task.state === 'awaiting-resolution') return task.step === null ? 'pending' : 'running';
  return KEEPS_PRIOR_STATE.has(to) ? task.priorState : null;
}

/** States on the way to the end of a task that is undone. In any other, nobody wants its restart any more. */
const KEEPS_RESTART: ReadonlySet<string> = new Set(['cancelling', 'reverting']);

/**
 * Changes a locked task's state and leaves the event of it. A compare-and-set on state and version.
 *
 * @returns the event's number.
 * @throws {LongshoreError} STATE_CONFLICT when the table of transitions doesn't have it, or the row changed.
 */
export async function transitionTask(tx: Tx, task: LockedTask, change: Transition): Promise<number> {
  const changed = await transitionOf(task, change).execute(tx);
  const event = changed.rows[0]?.seq;
  if (event === undefined) {
    throw new LongshoreError('STATE_CONFLICT', `task ${task.id} changed while it was being moved to ${change.to}`);
  }
  return event;
}

/**
 * The statement of a transition, for what ends a transaction that holds the task's row exclusively: the task can't be another than it
 * was read as then.
 *
 * @throws {LongshoreError} STATE_CONFLICT when the table of transitions doesn't have it.
 */
export function transitionOf(task: LockedTask, change: Transition): RawBuilder<{ seq: number }> {
  if (!isTaskTransition(task.state as TaskState, change.trigger, change.to)) {
    throw new LongshoreError(
      'STATE_CONFLICT',
      `task ${task.id} is ${task.state}: ${change.trigger} to ${change.to} is not allowed`,
      {
        details: { state: task.state },
      },
    );
  }
  const isEnd = change.outcome !== undefined;
  const losesNodes = isEnd || RESTING.has(change.to);
  const deadline = deadlineAfter(change.to);
  const { actor, principal } = actorColumns(change.actor);
  const message = change.message ?? change.error?.message ?? null;
  // The event's row hangs on the update: nothing is written when the task is not what it was.
  return sql<{ seq: number }>`
    WITH changed AS (UPDATE tasks SET
      event_seq = event_seq + 1,
      state = ${change.to},
      version = version + 1,
      step = ${change.step === undefined ? task.step : change.step.name},
      plan_attempt = ${change.step === undefined ? task.planAttempt : change.step.planAttempt},
      error = coalesce(${change.clearsError === true ? sql`NULL` : sql`error`}, ${change.error === undefined ? null : JSON.stringify(change.error)}::json),
      prior_state = ${priorStateAfter(task, change.to)},
      restart = ${KEEPS_RESTART.has(change.to) ? sql`restart` : sql`NULL`},
      modification = ${change.modification === undefined ? null : JSON.stringify(change.modification)}::json,
      deadline_at = ${deadline.at},
      deadline_left = ${deadline.left},
      outcome = coalesce(${change.outcome ?? null}, outcome),
      result = coalesce(${change.result === undefined ? null : JSON.stringify(change.result)}::json, result),
      waiting = NULL,
      reserved_nodes = CASE WHEN ${losesNodes} THEN '{}' ELSE reserved_nodes END,
      started_at = CASE WHEN ${change.to === 'running'} THEN coalesce(started_at, clock_timestamp()) ELSE started_at END,
      updated_at = clock_timestamp(),
      ended_at = CASE WHEN ${isEnd} THEN clock_timestamp() ELSE ended_at END
    WHERE id = ${task.id} AND state = ${task.state} AND version = ${task.version}
    RETURNING event_seq)
    INSERT INTO task_events (task_id, seq, actor, principal, kind, from_state, to_state, message)
    SELECT ${task.id}, event_seq, ${actor}, ${principal}::json, ${change.trigger}, ${task.state}, ${change.to},
      ${message === null ? null : storableText(message)}
    FROM changed RETURNING seq`;
}
