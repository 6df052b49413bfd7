import type { Summary } from '@longshore/core';
import { sql } from 'kysely';
import { fromStore } from '../session/open-store.ts';
import type { Db } from '../session/transactions.ts';

/** What the running subtasks of a step count together. */
export interface StoredSummary {
  readonly step: string;
  /** How many of them count something. */
  readonly subtasks: number;
  readonly counters: Summary;
}

/** The counters of a task's running subtasks, added up by step and name. */
export async function readSummaries(db: Db, taskId: string): Promise<readonly StoredSummary[]> {
  const rows = await fromStore(
    sql<{ step: string; subtasks: number; counters: Record<string, number> }>`
      SELECT step, max(subtasks)::int AS subtasks, jsonb_object_agg(name, count ORDER BY name) AS counters
      FROM (
        SELECT s.step, c.key AS name, least(sum(c.value::numeric), ${Number.MAX_SAFE_INTEGER}::numeric) AS count,
          count(*) AS subtasks
        FROM subtasks s, jsonb_each_text(s.summary) c
        WHERE s.task_id = ${taskId} AND s.state = 'running' AND s.summary IS NOT NULL
        GROUP BY s.step, c.key
      ) counted
      GROUP BY step ORDER BY step`.execute(db),
  );
  return rows.rows;
}
