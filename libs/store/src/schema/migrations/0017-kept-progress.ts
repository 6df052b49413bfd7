import { sql, type Kysely } from 'kysely';

/**
 * The progress that the next attempt of a subtask begins with. Only adds columns that may be empty, so the services of the version before go on
 * beside it: for them each attempt begins with none.
 */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`ALTER TABLE subtasks ADD COLUMN kept json`.execute(db);
  await sql`ALTER TABLE subtask_history ADD COLUMN kept json`.execute(db);
}
