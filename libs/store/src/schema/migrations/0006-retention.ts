import { sql, type Kysely } from 'kysely';

/** Old tasks are looked for oldest first. Only adds, so the services of the version before go on beside it. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`CREATE INDEX task_history_archived ON task_history (archived_at, id)`.execute(db);
}
