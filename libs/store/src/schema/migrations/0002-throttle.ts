import { sql, type Kysely } from 'kysely';

/** Budgets, health gates and what subtasks wait for. Only adds, so the services of the version before go on beside it. */
export async function up(db: Kysely<unknown>): Promise<void> {
  const run = async (statement: ReturnType<typeof sql>): Promise<void> => {
    await statement.execute(db);
  };
  await run(sql`ALTER TABLE tasks ADD COLUMN throttle json, ADD COLUMN gates json`);
  await run(sql`ALTER TABLE task_history ADD COLUMN throttle json, ADD COLUMN gates json`);
  await run(sql`ALTER TABLE subtasks ADD COLUMN waiting json`);
  // Few wait at a time, and only those are looked for.
  await run(sql`CREATE INDEX subtasks_waiting ON subtasks (task_id) WHERE waiting IS NOT NULL`);
  // One row per task: what its nodes lease from, apart from the task's own row, which claims and transitions lock.
  await run(sql`CREATE TABLE task_budgets (task_id bigint PRIMARY KEY, budgets json NOT NULL)`);
  await run(sql`CREATE TABLE task_gates (
    task_id bigint PRIMARY KEY, readings json NOT NULL, read_at timestamptz NOT NULL)`);
}
