import { LongshoreError } from '@longshore/core';
import { sql } from 'kysely';
import { fromStore } from '../session/open-store.ts';
import { actorColumns, type Actor } from './actor.ts';
import { columnName, settingColumns, type TaskSettings } from './task-settings.ts';
import { inTransaction, type Db } from '../session/transactions.ts';

/** A task as it is first written; everything is validated and defaulted by now. */
export interface NewTask extends TaskSettings {
  readonly key: string;
  readonly trace: { readonly traceparent: string; readonly tracestate?: string } | null;
  /** Tells a repeated submit from another task under the same key. */
  readonly contentHash: string;
  /** Who submits it. */
  readonly actor: Actor;
}

/**
 * Writes a task, once per key. Everything hangs on the key's row, which is inserted first: a second submit waits for the first one's
 * transaction and then inserts nothing.
 *
 * @returns the task's id; `created: false` when the same submit was made before.
 * @throws {LongshoreError} TASK_KEY_TAKEN when the key belongs to a task with other content.
 */
export async function submitTask(db: Db, task: NewTask): Promise<{ readonly id: string; readonly created: boolean }> {
  const { actor, principal } = actorColumns(task.actor);
  const columns = settingColumns(task, sql`clock_timestamp()`);
  const insertion = sql<{ id: string }>`
    WITH key AS (
      INSERT INTO task_keys (key, task_id, content_hash)
      VALUES (${task.key}, nextval(pg_get_serial_sequence('tasks', 'id')), ${task.contentHash})
      ON CONFLICT (key) DO NOTHING RETURNING task_id
    ), task AS (
      INSERT INTO tasks (id, key, state, trace, event_seq, ${sql.join(columns.map(columnName))})
      OVERRIDING SYSTEM VALUE
      SELECT task_id, ${task.key}, 'pending', ${task.trace === null ? null : JSON.stringify(task.trace)}::json, 1,
        ${sql.join(columns.map(([, value]) => value))}
      FROM key RETURNING id
    ), event AS (
      INSERT INTO task_events (task_id, seq, actor, principal, kind, to_state)
      SELECT id, 1, ${actor}, ${principal}::json, 'submit', 'pending' FROM task)
    SELECT task_id AS id FROM key`;
  const [written] = await inTransaction(db, (_, commit) => commit([insertion], 'submit.before-commit'));
  const id = written?.rows[0]?.id;
  if (id !== undefined) return { id, created: true };
  const { rows } = await fromStore(
    sql<{ id: string; content_hash: string }>`
      SELECT task_id AS id, content_hash FROM task_keys WHERE key = ${task.key}`.execute(db),
  );
  const [taken] = rows;
  // The task was forgotten meanwhile, and its key with it.
  if (taken === undefined) return submitTask(db, task);
  const taskId = taken.id;
  if (taken.content_hash === task.contentHash) return { id: taskId, created: false };
  throw new LongshoreError(
    'TASK_KEY_TAKEN',
    `key ${JSON.stringify(task.key)} belongs to task ${taskId}, which was submitted with other content`,
    { details: { taskId } },
  );
}
