import { isTerminalTaskState, LongshoreError, TaskState, type Principal } from '@longshore/core';
import { sql } from 'kysely';
import type { RestartWish } from '../schema/database.ts';
import type { Db, Tx } from '../session/transactions.ts';
import { actorColumns, type Actor } from './actor.ts';
import { cancelLocked } from './cancel-task.ts';
import { inControl } from './in-control.ts';
import type { ControlResult } from './pause-task.ts';
import { recordEvents } from './record-event.ts';
import { revertLocked } from './resolve-task.ts';
import type { LockedTask } from './transition-task.ts';

/** A run of a key. */
export interface NextRun {
  readonly id: string;
  /** Its number, from 1. */
  readonly run: number;
}

/**
 * Undoes a task, whatever it is doing, and has the next run of its key start with its end. The wish is kept with the task: who leads then
 * starts the run, in the transaction that ends the task, so that one restart starts one run at most.
 *
 * @returns `changed: false`: somebody wanted that already.
 * @throws {LongshoreError} STATE_CONFLICT when it has ended, TASK_NOT_FOUND when it isn't active; ROW_LOCKED.
 */
export function restartTask(db: Db, id: string, actor: Actor, reason: string | null): Promise<ControlResult> {
  return inControl(db, id, async (tx, task) => {
    if (isTerminalTaskState(task.state)) {
      const message = `task ${id} has ended (${task.state}); there is nothing to undo`;
      throw new LongshoreError('STATE_CONFLICT', message, { details: { state: task.state } });
    }
    if (task.restart !== null) return { changed: false, state: task.state };
    const result = await undo(tx, task, actor, reason);
    const wish: RestartWish = { principal: typeof actor === 'string' ? null : actor.principal, reason };
    if (result.state === 'reverted') await startNextRun(tx, id, wish, actor);
    else await keepWish(tx, id, wish);
    return { ...result, changed: true };
  });
}

async function keepWish(tx: Tx, id: string, wish: RestartWish): Promise<void> {
  await sql`UPDATE tasks SET restart = ${JSON.stringify(wish)}::json WHERE id = ${id}`.execute(tx);
}

/** The wish of whoever has had a task retried, if anybody has since it was resolved otherwise. */
export async function readRetryWish(tx: Tx, id: string): Promise<RestartWish | null> {
  const asked = await sql<{ kind: string; principal: Principal | null }>`
    SELECT kind, principal FROM task_events WHERE task_id = ${id} AND kind IN ('retry', 'skip', 'fail')
    ORDER BY seq DESC LIMIT 1`.execute(tx);
  const [latest] = asked.rows;
  if (latest?.kind !== 'retry') return null;
  return { principal: latest.principal, reason: 'its retry could not succeed, and nothing of it was done yet' };
}

/** Has the next run of a task's key start when it is undone, which is under way. */
export async function wishForNextRun(
  tx: Tx,
  id: string,
  wish: RestartWish,
  { actor, state }: { readonly actor: string; readonly state: string },
): Promise<void> {
  await keepWish(tx, id, wish);
  const asker = { service: actor, principal: wish.principal };
  await recordEvents(tx, id, [{ actor: asker, kind: 'restart', from: state, to: state, message: wish.reason }]);
}

/** Begins to undo a task, unless that is under way already. */
async function undo(tx: Tx, task: LockedTask, actor: Actor, reason: string | null): Promise<ControlResult> {
  const why = reason === null ? 'to restart it' : `to restart it: ${reason}`;
  const isUnderWay = task.state === TaskState.cancelling || task.state === TaskState.reverting;
  if (isUnderWay) {
    await recordEvents(tx, task.id, [{ actor, kind: 'restart', from: task.state, to: task.state, message: reason }]);
    return { changed: true, state: task.state };
  }
  return task.state === TaskState.awaitingResolution
    ? revertLocked(tx, task, actor, why)
    : cancelLocked(tx, task, actor, why);
}

/** Columns that the next run of a task has as the task has them by now. */
const COPIED = [
  'key, type, type_version, priority, scope, runtime_slots, selectors, on_failure, retry, pause_on, subtask_timeout_ms, stall_timeout_ms',
  'deadline_ms, throttle, gates, is_validated, submitted',
].join(', ');

/**
 * Starts the next run of a task's key: of the same type, with the meta that the task was submitted with, and with its options as users have
 * changed them since. The caller holds the task's row and ends the task in the same transaction; up to then it is the newest run of its key.
 *
 * @param actor the service that starts it.
 * @returns null: the key has a newer run already, or is gone.
 */
export async function startNextRun(tx: Tx, id: string, wish: RestartWish, actor: Actor): Promise<NextRun | null> {
  const service = typeof actor === 'string' ? actor : actor.service;
  const asker = { service, principal: wish.principal };
  const columns = actorColumns(asker);
  const because = wish.reason === null ? `restarts task ${id}` : `restarts task ${id}: ${wish.reason}`;
  const copied = sql.raw(COPIED);
  const started = await sql<NextRun>`
    WITH earlier AS (
      INSERT INTO earlier_runs (task_id, key, run, content_hash, submit_id)
      SELECT k.task_id, k.key, k.run, k.content_hash, k.submit_id FROM task_keys k WHERE ${isNewestRun(id)}
    ), next AS (
      UPDATE task_keys k SET task_id = nextval(pg_get_serial_sequence('tasks', 'id')), run = run + 1, submit_id = NULL
      WHERE ${isNewestRun(id)} RETURNING task_id, run
    ), task AS (
      INSERT INTO tasks (id, state, event_seq, meta, slots, slots_per_subtask, max_nodes, deadline_at, ${copied})
      OVERRIDING SYSTEM VALUE
      SELECT next.task_id, 'pending', 1,
        CASE WHEN as_submitted IS NULL THEN meta ELSE as_submitted->'meta' END,
        CASE WHEN as_submitted IS NULL THEN slots ELSE (as_submitted->>'slots')::int END,
        CASE WHEN as_submitted IS NULL THEN slots_per_subtask ELSE (as_submitted->>'slotsPerSubtask')::int END,
        CASE WHEN as_submitted IS NULL THEN max_nodes ELSE (as_submitted->>'maxNodes')::int END,
        clock_timestamp() + deadline_ms * interval '1 millisecond', ${copied}
      FROM next, tasks t WHERE t.id = ${id} RETURNING id
    ), event AS (
      INSERT INTO task_events (task_id, seq, actor, principal, kind, to_state, message)
      SELECT id, 1, ${columns.actor}, ${columns.principal}::json, 'submit', 'pending', ${because} FROM task)
    SELECT task_id::text AS id, run FROM next`.execute(tx);
  const [run] = started.rows;
  const message = run === undefined ? NO_NEXT_RUN : `run ${run.run} of its key is task ${run.id}`;
  await recordEvents(tx, id, [{ actor: asker, kind: run === undefined ? 'restart-dropped' : 'restarted', message }]);
  return run ?? null;
}

const NO_NEXT_RUN = 'its key has a newer run already; none starts';

/** The row of `task_keys` whose newest run is the task. */
function isNewestRun(id: string): ReturnType<typeof sql> {
  return sql`k.task_id = ${id} AND k.key = (SELECT t.key FROM tasks t WHERE t.id = ${id})`;
}
