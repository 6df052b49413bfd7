import { sql, type Kysely } from 'kysely';

/**
 * Pause, modification, deadlines, placement, limits, and tasks that were submitted within a transaction of a user's own. Only adds, so the
 * services of the version before go on beside it.
 */
export async function up(db: Kysely<unknown>): Promise<void> {
  const run = async (statement: ReturnType<typeof sql>): Promise<void> => {
    await statement.execute(db);
  };
  for (const table of ['tasks', 'task_history']) {
    await run(sql`ALTER TABLE ${sql.table(table)}
      -- where a paused task goes on: pending or running
      ADD COLUMN prior_state text,
      ADD COLUMN modification json,
      -- rises with each change of what runners are told: meta, slots, budget
      ADD COLUMN revision integer NOT NULL DEFAULT 0,
      ADD COLUMN runtime_slots json,
      ADD COLUMN selectors json,
      ADD COLUMN pause_on text[] NOT NULL DEFAULT '{}',
      ADD COLUMN subtask_timeout_ms integer,
      ADD COLUMN stall_timeout_ms integer,
      ADD COLUMN deadline_ms bigint,
      -- exactly one of these two is set while a deadline counts or rests
      ADD COLUMN deadline_at timestamptz,
      ADD COLUMN deadline_left interval,
      ADD COLUMN is_forced boolean NOT NULL DEFAULT false,
      ADD COLUMN is_validated boolean NOT NULL DEFAULT true`);
  }
  await run(sql`ALTER TABLE nodes ADD COLUMN labels json NOT NULL DEFAULT '{}'`);
  // Where the step may run, and for which membership the task type said so.
  await run(sql`ALTER TABLE task_steps ADD COLUMN placement json, ADD COLUMN placed_for text`);
  await run(sql`CREATE TABLE settings (name text PRIMARY KEY, value json NOT NULL)`);
  // Slots that nobody may take back: few, and asked for in each scheduling pass.
  await run(sql`CREATE INDEX subtasks_pinned ON subtasks (exec_id)
    WHERE state = 'running' AND kind = 'work' AND NOT is_idempotent`);
}
