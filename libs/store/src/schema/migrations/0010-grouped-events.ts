import { sql, type Kysely } from 'kysely';

/**
 * An event may stand for many of its kind. Only adds columns with a default or that may be empty, so the services of the version before go
 * on beside it: they write one row each.
 */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`ALTER TABLE task_events
    ADD COLUMN events integer NOT NULL DEFAULT 1,
    ADD COLUMN last_at timestamptz`.execute(db);
}
