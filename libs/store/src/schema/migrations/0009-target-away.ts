import { sql, type Kysely } from 'kysely';

/**
 * A subtask knows since when its target has been away, however often it has looked. Only adds a column that may be empty and its index, so the services of
 * the version before go on beside it.
 */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`ALTER TABLE subtasks ADD COLUMN away_since timestamptz`.execute(db);
  // A resume finds them among millions that wait for their turn.
  await sql`CREATE INDEX subtasks_away ON subtasks (task_id) WHERE away_since IS NOT NULL`.execute(db);
}
