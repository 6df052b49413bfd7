import { sql, type Kysely } from 'kysely';

/** What running subtasks count, by name. Only adds, so the services of the version before go on beside it. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`ALTER TABLE subtasks ADD COLUMN summary jsonb`.execute(db);
}
