import { sql, type RawBuilder } from 'kysely';
import type { Tx } from '../session/transactions.ts';
import { actorColumns } from './actor.ts';
import {
  GROUP_LONGEST_S,
  GROUP_QUIET_S,
  groupEvents,
  LOOK_BACK_ROWS,
  type EventRow,
  type GrownGroup,
  type RecentEvent,
} from './group-events.ts';
import { storableText } from './storable-text.ts';
import type { TaskEvent } from './task-event.ts';

/**
 * Writes the next events of a task, numbered without gaps; many of one kind share a row ({@link groupEvents}). The caller holds the task's
 * row FOR UPDATE: numbering under a weaker lock would hand out a number twice.
 */
export async function recordEvents(tx: Tx, taskId: string, events: readonly TaskEvent[]): Promise<void> {
  if (events.length === 0) return;
  const { rows, grown } = groupEvents(await readRecent(tx, taskId, events), events);
  for (const group of grown) await growGroup(tx, taskId, group);
  if (rows.length === 0) return;
  const numbered = await sql<{ event_seq: number }>`
    UPDATE tasks SET event_seq = event_seq + ${rows.length} WHERE id = ${taskId} RETURNING event_seq`.execute(tx);
  const last = numbered.rows[0]?.event_seq;
  if (last !== undefined) await writeRows(tx, taskId, last, rows);
}

/** The task's newest rows that may take further events of these kinds, oldest first. */
async function readRecent(tx: Tx, taskId: string, events: readonly TaskEvent[]): Promise<readonly RecentEvent[]> {
  const kinds = [...new Set(events.filter(({ subtaskId }) => subtaskId != null).map(({ kind }) => kind))];
  if (kinds.length === 0) return [];
  const recent = await sql<RecentEvent>`
    SELECT seq, kind, message, events FROM (
      SELECT * FROM task_events WHERE task_id = ${taskId} ORDER BY seq DESC LIMIT ${LOOK_BACK_ROWS}
    ) newest
    WHERE kind = ANY(${kinds}::text[]) AND subtask_id IS NOT NULL
      AND coalesce(last_at, at) > clock_timestamp() - ${`${GROUP_QUIET_S} seconds`}::interval
      AND at > clock_timestamp() - ${`${GROUP_LONGEST_S} seconds`}::interval
    ORDER BY seq`.execute(tx);
  return recent.rows;
}

async function growGroup(tx: Tx, taskId: string, { seq, more, message }: GrownGroup): Promise<void> {
  await sql`
    UPDATE task_events SET events = events + ${more}, last_at = clock_timestamp(),
      message = ${message === null ? null : storableText(message)}
    WHERE task_id = ${taskId} AND seq = ${seq}`.execute(tx);
}

/** Rows of one insert: each has eleven parameters, and a statement may have 65,535. */
const EVENT_PAGE = 5_000;

/** Writes rows whose numbers the caller has taken already, up to `last`. */
async function writeRows(tx: Tx, taskId: string, last: number, events: readonly EventRow[]): Promise<void> {
  const rows = events.map((event, index) => ({
    task_id: taskId,
    seq: last - events.length + 1 + index,
    ...actorColumns(event.actor),
    kind: event.kind,
    from_state: event.from ?? null,
    to_state: event.to ?? null,
    subtask_id: event.subtaskId ?? null,
    message: event.message === undefined || event.message === null ? null : storableText(event.message),
    events: event.events ?? 1,
    last_at: event.events === undefined ? null : sql<Date>`clock_timestamp()`,
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
