import { sql, type RawBuilder } from 'kysely';
import { fromStore } from '../session/open-store.ts';
import type { Db } from '../session/transactions.ts';
import { instant } from '../tasks/record-event.ts';
import { asLeader } from './leader-lease.ts';
import type { LeadingOwner } from './task-write.ts';

/** The name that stands for all queues together. */
export const ALL_QUEUES = '';

/** Why the tasks of a queue wait that stand behind one of it: no pass looks at them. */
export interface QueueWait {
  /** The queue's name; {@link ALL_QUEUES}: what holds for those of all queues behind this task, whatever their queue says. */
  readonly queue: string;
  /** The task behind which they stand. */
  readonly afterId: string;
  readonly code: string;
  readonly message: string;
}

export interface QueueWrites {
  /**
   * Stores why the tasks behind the heads of their queues wait, in the place of what was stored before. Their own rows stay as they are, however many there
   * are.
   */
  saveQueueWaits(waits: readonly QueueWait[]): Promise<void>;
}

export function queueWrites({ db, lease, patience }: LeadingOwner): QueueWrites {
  return {
    saveQueueWaits: (waits) =>
      asLeader(
        db,
        lease,
        async (tx) => {
          await sql`DELETE FROM task_queues WHERE NOT queue = ANY(${waits.map((wait) => wait.queue)}::text[])`.execute(
            tx,
          );
          // "since" is kept while the reason's code stays the same. A task that has left meanwhile says nothing: the next pass finds another.
          await sql`
            INSERT INTO task_queues (queue, epoch, priority, created_at, task_id, code, message, since)
            SELECT w.queue, ${lease.epoch}, t.priority, t.created_at, t.id, w.code, w.message, clock_timestamp()
            FROM unnest(${waits.map((wait) => wait.queue)}::text[], ${waits.map((wait) => wait.afterId)}::bigint[],
              ${waits.map((wait) => wait.code)}::text[], ${waits.map((wait) => wait.message)}::text[]) AS w(queue, id, code, message)
            CROSS JOIN LATERAL (SELECT id, priority, created_at FROM tasks WHERE id = w.id LIMIT 1) t
            ON CONFLICT (queue) DO UPDATE SET epoch = excluded.epoch, priority = excluded.priority, created_at = excluded.created_at,
              task_id = excluded.task_id, code = excluded.code, message = excluded.message,
              since = CASE WHEN task_queues.code = excluded.code THEN task_queues.since ELSE excluded.since END`.execute(
            tx,
          );
        },
        { lockTimeoutMs: patience?.ms },
      ),
  };
}

/** A task's place in the order of its queue, for comparison with that of a row of `task_queues`. */
const IS_BEHIND = (queue: 'q' | 'l'): RawBuilder<boolean> =>
  sql<boolean>`(t.priority, t.created_at, t.id) > (${sql.ref(`${queue}.priority`)}, ${sql.ref(`${queue}.created_at`)}, ${sql.ref(`${queue}.task_id`)})`;

/**
 * Why the task of a row `t` waits: what its row says, or its queue if it stands behind the heads. What a former leader has said holds until the next
 * one's first pass, unless that writes into each row, as the version before does.
 */
export const waitingOfTask: RawBuilder<unknown> = sql`CASE WHEN t.queue = '' THEN t.waiting ELSE coalesce((
  SELECT json_build_object('code', coalesce(l.code, q.code), 'message', coalesce(l.message, q.message),
    'since', ${instant(sql`greatest(coalesce(l.since, q.since), t.updated_at)`)})
  FROM task_queues q LEFT JOIN task_queues l ON l.queue = '' AND ${IS_BEHIND('l')}
  WHERE q.queue = t.queue AND ${IS_BEHIND('q')}
    AND (t.waiting IS NULL OR q.epoch = (SELECT epoch FROM leases WHERE name = 'owner'))), t.waiting) END`;

/** Tasks that stand behind the heads of their queues. */
export interface QueuedTasks {
  readonly type: string;
  /** The code of what they wait for. */
  readonly code: string;
  readonly tasks: number;
  /** Since when the one waits that has waited longest, in milliseconds of the database's clock. */
  readonly sinceMs: number;
  /** When the oldest was submitted, likewise. */
  readonly oldestMs: number;
}

/** Counts the tasks that no pass looks at. It reads all of them: not for each pass. */
export async function countQueuedTasks(db: Db): Promise<readonly QueuedTasks[]> {
  const rows = await fromStore(
    sql<{ type: string; code: string; tasks: number; since_ms: number; oldest_ms: number }>`
      SELECT t.type, coalesce(l.code, q.code) AS code, count(*)::int AS tasks,
        (date_part('epoch', min(greatest(coalesce(l.since, q.since), t.updated_at))) * 1000)::float8 AS since_ms,
        (date_part('epoch', min(t.created_at)) * 1000)::float8 AS oldest_ms
      FROM task_queues q JOIN tasks t ON t.queue = q.queue AND ${IS_BEHIND('q')}
      LEFT JOIN task_queues l ON l.queue = '' AND ${IS_BEHIND('l')}
      WHERE q.queue <> ''
      GROUP BY 1, 2`.execute(db),
  );
  return rows.rows.map(({ since_ms: sinceMs, oldest_ms: oldestMs, ...row }) => ({ ...row, sinceMs, oldestMs }));
}
