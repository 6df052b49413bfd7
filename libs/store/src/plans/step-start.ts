import { TaskState, type PlanResult } from '@longshore/core';
import { sql, type RawBuilder } from 'kysely';
import type { Tx } from '../session/transactions.ts';
import { transitionOf, type LockedTask } from '../tasks/transition-task.ts';
import { isPlanned, isUnknown } from '../schema/kind-predicates.ts';

/** What a plan subtask leaves as its result. */
export type StoredPlanResult = PlanResult & { readonly totalRows?: number | null; readonly totalBytes?: number | null };

/**
 * Tasks of these whose current step is not over: some of its work is still to be done, or has failed, or there is a subtask of a kind that
 * this build doesn't know. Asked under the tasks' locks, in a
 * statement after them: by a snapshot alone a task was finished that had just got a new pending row.
 */
export async function findUnfinished(tx: Tx, ids: readonly string[]): Promise<ReadonlySet<string>> {
  if (ids.length === 0) return new Set();
  const unfinished = await sql<{ id: string }>`
    SELECT t.id FROM tasks t CROSS JOIN LATERAL (
      SELECT 1 FROM subtasks s
      WHERE s.task_id = t.id AND ${isPlanned('s')} AND s.step = t.step AND s.plan_attempt = t.plan_attempt
        AND s.state NOT IN ('succeed', 'skipped', 'canceled')
      ORDER BY s.ordinal LIMIT 1) unfinished
    WHERE t.id = ANY(${ids}::bigint[])
    UNION SELECT task_id AS id FROM subtasks WHERE task_id = ANY(${ids}::bigint[]) AND ${isUnknown()}`.execute(tx);
  return new Set(unfinished.rows.map((row) => row.id));
}

/** The statements that make a planned step the current one. The step's row hangs on the same task as the transition. */
export function stepStart(task: LockedTask, result: StoredPlanResult, actor: string): readonly RawBuilder<unknown>[] {
  const step = sql`
    INSERT INTO task_steps (task_id, step, position, plan_attempt, subtasks, total_rows, total_bytes, placement, placed_for)
    SELECT id, ${result.step}, (SELECT count(*) + 1 FROM task_steps WHERE task_id = ${task.id}), ${result.planAttempt}::int,
      ${result.subtasks}::int, ${result.totalRows ?? null}::bigint, ${result.totalBytes ?? null}::bigint,
      ${result.placement == null ? null : JSON.stringify(result.placement)}::json, ${result.placedFor ?? null}::text
    FROM tasks WHERE id = ${task.id} AND state = ${task.state} AND version = ${task.version}`;
  const transition = transitionOf(task, {
    trigger: 'plan',
    to: TaskState.running,
    actor,
    step: { name: result.step, planAttempt: result.planAttempt },
    message: `step ${result.step ?? ''}: ${result.subtasks} subtasks`,
  });
  if (result.placement == null) return [step, transition];
  // The nodes that it has were given to it before its type said where this step may run. Until it has others, nothing of the step is claimed,
  // or moved to one of those.
  return [step, transition, sql`UPDATE tasks SET reserved_nodes = '{}' WHERE id = ${task.id}`];
}
