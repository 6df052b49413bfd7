import { sql, type Kysely } from 'kysely';

/**
 * A task that is being undone may be restarted: its next run starts with its end. Only adds columns that may be empty. An owner of the version
 * before doesn't know of the wish, so while one leads, a restart ends with the revert, and `submit --again` starts the next run.
 */
export async function up(db: Kysely<unknown>): Promise<void> {
  // Who wants it; and what the task was submitted with, where its type or a change has made something else of it since.
  await sql`ALTER TABLE tasks ADD COLUMN restart json, ADD COLUMN as_submitted json`.execute(db);
}
