import { sql, type Kysely } from 'kysely';

/**
 * What a task skipped is counted from its events whenever the task is read. Only adds an index, so the services of the version before go on
 * beside it.
 */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`CREATE INDEX task_events_skips ON task_events (task_id)
    WHERE kind IN ('subtask-skipped', 'skip', 'hook-skipped')`.execute(db);
}
