import { sql, type Kysely } from 'kysely';
import { submitTask } from './0005-submit-function.ts';

/**
 * An event says who asked for what it tells. Only adds a column that may be empty, so the services of the version before go on beside it.
 *
 * For a task that is submitted by the SQL function that is `session_user`: the role that Postgres itself let in, and that the caller can't
 * choose.
 */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`ALTER TABLE task_events ADD COLUMN principal json`.execute(db);
  await submitTask(
    sql`CREATE OR REPLACE FUNCTION`,
    sql`INSERT INTO task_events (task_id, seq, actor, principal, kind, to_state)
  VALUES (new_id, 1, 'sql ' || session_user, json_build_object('name', session_user::text, 'role', NULL, 'isVerified', true),
    'submit', 'pending')`,
  ).execute(db);
}
