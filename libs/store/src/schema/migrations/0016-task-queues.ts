import { sql, type Kysely } from 'kysely';

/**
 * Tasks that wait for slots stand in queues, so that a scheduling pass reads the heads of these and not all that wait. Only adds: the services of
 * the version before go on beside it, because a queue is computed from columns that they write, and what they don't write only costs.
 */
export async function up(db: Kysely<unknown>): Promise<void> {
  const run = async (statement: ReturnType<typeof sql>): Promise<void> => {
    await statement.execute(db);
  };
  await run(sql`ALTER TABLE tasks ADD COLUMN has_hook boolean NOT NULL DEFAULT false`);
  await run(sql`UPDATE tasks t SET has_hook = true
    WHERE state = 'pending' AND EXISTS (SELECT 1 FROM subtasks s WHERE s.task_id = t.id AND s.kind <> 'work')`);
  // Whoever asks for the same on the same nodes waits for the same: where the first can't have slots, those behind it can't either. Quoted,
  // so that two texts beside each other are never taken for two others.
  await run(sql`ALTER TABLE tasks ADD COLUMN queue text COLLATE "C" NOT NULL GENERATED ALWAYS AS (
    CASE WHEN state = 'pending' AND is_validated AND NOT has_hook AND reserved_nodes = '{}' THEN
      hashtextextended(
        quote_literal(type) || ',' || quote_literal(type_version) || ',' || quote_literal(scope) || ','
          || slots::text || ',' || is_prepared::text || ',' || coalesce(selectors::text, ''), 0)::text
    ELSE '' END) STORED`);
  await run(sql`CREATE INDEX tasks_queue ON tasks (queue, priority, created_at, id)`);
  await run(
    sql`CREATE INDEX tasks_queued_deadline ON tasks (deadline_at) WHERE queue <> '' AND deadline_at IS NOT NULL`,
  );
  // Why those wait that stand behind a place in their queue; with the empty name, behind a place in the order of all.
  await run(sql`CREATE TABLE task_queues (
    queue text COLLATE "C" PRIMARY KEY, epoch bigint NOT NULL,
    priority integer NOT NULL, created_at timestamptz NOT NULL, task_id bigint NOT NULL,
    code text NOT NULL, message text NOT NULL, since timestamptz NOT NULL)`);
}
