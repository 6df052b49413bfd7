import { sql, type Kysely } from 'kysely';

/** What running subtasks are doing, in their own words. Only adds, so the services of the version before go on beside it. */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`ALTER TABLE subtasks ADD COLUMN phase text`.execute(db);
}
