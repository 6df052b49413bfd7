import { LongshoreError } from '@longshore/core';
import { sql } from 'kysely';
import { storableText } from './record-event.ts';
import { columnName, settingColumns, type TaskSettings } from './task-settings.ts';
import { inTransaction, type Db } from './transactions.ts';

/** A task as it is first written; everything is validated and defaulted by now. */
export interface NewTask extends TaskSettings {
  readonly key: string;
  readonly trace: { readonly traceparent: string; readonly tracestate?: string } | null;
  /** Tells a repeated submit from another task under the same key. */
  readonly contentHash: string;
  readonly actor: string;
}

/**
 * Writes a task, once per key. The key's row is inserted first: a second submit waits for the first one's transaction and
 * then finds it.
 *
 * @returns the task's id; `created: false` when the same submit was made before.
 * @throws {LongshoreError} TASK_KEY_TAKEN when the key belongs to a task with other content.
 */
export async function submitTask(db: Db, task: NewTask): Promise<{ readonly id: string; readonly created: boolean }> {
  return inTransaction(db, async (tx, commit) => {
    const key = await sql<{ id: string }>`
      INSERT INTO task_keys (key, task_id, content_hash)
      VALUES (${task.key}, nextval(pg_get_serial_sequence('tasks', 'id')), ${task.contentHash})
      ON CONFLICT (key) DO NOTHING RETURNING task_id AS id`.execute(tx);
    const id = key.rows[0]?.id;
    if (id === undefined) {
      const taken = await tx
        .selectFrom('task_keys')
        .select(['task_id', 'content_hash'])
        .where('key', '=', task.key)
        .executeTakeFirstOrThrow();
      if (taken.content_hash === task.contentHash) return { id: taken.task_id, created: false };
      throw new LongshoreError(
        'TASK_KEY_TAKEN',
        `key ${JSON.stringify(task.key)} belongs to task ${taken.task_id}, which was submitted with other content`,
        { details: { taskId: taken.task_id } },
      );
    }
    const columns = settingColumns(task, sql`clock_timestamp()`);
    const insertion = sql`
      WITH task AS (INSERT INTO tasks (id, key, state, trace, event_seq, ${sql.join(columns.map(columnName))})
      OVERRIDING SYSTEM VALUE
      VALUES (${id}, ${task.key}, 'pending', ${task.trace === null ? null : JSON.stringify(task.trace)}::json, 1,
        ${sql.join(columns.map(([, value]) => value))}) RETURNING id)
      INSERT INTO task_events (task_id, seq, actor, kind, to_state)
      SELECT id, 1, ${storableText(task.actor)}, 'submit', 'pending' FROM task`;
    await commit([insertion], 'submit.before-commit');
    return { id, created: true };
  });
}
