import { sql, type Kysely } from 'kysely';
import { ONE_TASK_A_KEY, submitTask } from './0005-submit-function.ts';

/**
 * An event says who asked for what it tells. Only adds a column that may be empty, so the services of the version before go on beside it.
 *
 * For a task that is submitted by the SQL function that is `session_user`: the role that Postgres itself let in, and that the caller can't
 * choose.
 */
export async function up(db: Kysely<unknown>): Promise<void> {
  await sql`ALTER TABLE task_events ADD COLUMN principal json`.execute(db);
  await submitTask({ create: sql`CREATE OR REPLACE FUNCTION`, takeKey: ONE_TASK_A_KEY, event: SUBMIT_EVENT }).execute(
    db,
  );
}

/** The first event of a task that the function writes. */
export const SUBMIT_EVENT = sql`INSERT INTO task_events (task_id, seq, actor, principal, kind, to_state)
  VALUES (new_id, 1, 'sql ' || session_user, json_build_object('name', session_user::text, 'role', NULL, 'isVerified', true),
    'submit', 'pending')`;
