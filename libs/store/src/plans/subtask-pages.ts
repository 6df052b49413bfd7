import { sql, type RawBuilder } from 'kysely';

/**
 * Ids of one page of a task's rows, to be locked in order of their ids by the statement around it. The page itself follows the
 * index that it is found by: ordered by id it would read and sort all of the task's rows for each page, 40 s for a million.
 *
 * @param where a condition on the rows besides their task.
 */
export function pageOfTask(taskId: string, where: RawBuilder<unknown>, limit: number): RawBuilder<unknown> {
  return sql`ANY(ARRAY(
    SELECT id FROM subtasks WHERE task_id = ${taskId} AND ${where}
    ORDER BY kind, step, plan_attempt, ordinal LIMIT ${limit}))`;
}
