import { sql, type RawBuilder } from 'kysely';
import type { Tx } from '../session/transactions.ts';
import { actorColumns, type Actor } from './actor.ts';
import { storableText } from './storable-text.ts';

export interface TaskEvent {
  /** Who caused it. */
  readonly actor: Actor;
  readonly kind: string;
  readonly from?: string | null;
  readonly to?: string | null;
  readonly subtaskId?: string | null;
  readonly message?: string | null;
}

/**
 * Writes the next events of a task, numbered without gaps. The caller holds the task's row FOR UPDATE: numbering under a
 * weaker lock would hand out a number twice.
 */
export async function recordEvents(tx: Tx, taskId: string, events: readonly TaskEvent[]): Promise<void> {
  if (events.length === 0) return;
  const numbered = await sql<{ event_seq: number }>`
    UPDATE tasks SET event_seq = event_seq + ${events.length} WHERE id = ${taskId} RETURNING event_seq`.execute(tx);
  const last = numbered.rows[0]?.event_seq;
  if (last !== undefined) await writeEvents(tx, taskId, last, events);
}

/** Events of one insert: each has nine parameters, and a statement may have 65,535. */
const EVENT_PAGE = 5_000;

/** Writes events whose numbers the caller has taken already, up to `last`. */
export async function writeEvents(tx: Tx, taskId: string, last: number, events: readonly TaskEvent[]): Promise<void> {
  const rows = events.map((event, index) => ({
    task_id: taskId,
    seq: last - events.length + 1 + index,
    ...actorColumns(event.actor),
    kind: event.kind,
    from_state: event.from ?? null,
    to_state: event.to ?? null,
    subtask_id: event.subtaskId ?? null,
    message: event.message === undefined || event.message === null ? null : storableText(event.message),
  }));
  for (let first = 0; first < rows.length; first += EVENT_PAGE) {
    await tx
      .insertInto('task_events')
      .values(rows.slice(first, first + EVENT_PAGE))
      .execute();
  }
}

/** A time as clients see it, for JSON that is built in SQL. */
export function instant(time: RawBuilder<unknown>): RawBuilder<string> {
  return sql`to_char((${time}) AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS.MS"Z"')`;
}
