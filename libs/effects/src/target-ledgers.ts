import { openSessionPool } from '@longshore/postgres';
import { FENCE, LEDGER } from './effects-schema.ts';
import { SESSION_LIMITS } from './session-settings.ts';
import { sqlClient } from './sql-client.ts';

/** The ledgers of a target as a whole, for clean-up: no task's own business. */
export interface TargetLedgers {
  /** Ids of the tasks of a cluster that have left rows, after an id, in order. */
  tasks(clusterId: string, afterId: string, limit: number): Promise<readonly string[]>;
  /**
   * Removes the remains of tasks. Only for forgotten tasks: none of their effects can come late any more. What another session has locked stays
   * until the next time, with its task's fence.
   */
  forget(clusterId: string, taskIds: readonly string[]): Promise<void>;
  close(): Promise<void>;
}

/** Opens a target for clean-up. A target without Longshore's schema has no tasks. */
export function openTargetLedgers(url: string): TargetLedgers {
  const { pool } = openSessionPool({
    url,
    applicationName: 'longshore-clean-up',
    maxSessions: 1,
    limits: SESSION_LIMITS,
  });
  const withClient = async <T>(work: (client: ReturnType<typeof sqlClient>) => Promise<T>): Promise<T> => {
    const session = await pool.connect();
    try {
      return await work(sqlClient(session));
    } finally {
      session.release();
    }
  };
  return {
    tasks: (clusterId, afterId, limit) =>
      withClient(async (client) => {
        const found = await client.query<{ found: boolean }>(`SELECT to_regclass('${FENCE}') IS NOT NULL AS found`);
        if (found.rows[0]?.found !== true) return [];
        // Every task that may have effects has a fence.
        const rows = await client.query<{ id: string }>(
          `SELECT task_id::text AS id FROM ${FENCE} WHERE cluster_id = $1 AND task_id > $2 ORDER BY fence.task_id LIMIT $3`,
          [clusterId, afterId, limit],
        );
        return rows.rows.map((row) => row.id);
      }),
    forget: (clusterId, taskIds) =>
      withClient(async (client) => {
        await client.query(
          `WITH free AS (
            SELECT task_id, subtask_id, connection FROM ${LEDGER}
            WHERE cluster_id = $1 AND task_id = ANY($2::bigint[]) FOR UPDATE SKIP LOCKED)
          DELETE FROM ${LEDGER} l USING free f
          WHERE l.cluster_id = $1 AND l.task_id = f.task_id AND l.subtask_id = f.subtask_id AND l.connection = f.connection`,
          [clusterId, taskIds],
        );
        // The fence goes last: what is left of a task is found by it.
        await client.query(
          `WITH free AS (
            SELECT task_id FROM ${FENCE} f WHERE cluster_id = $1 AND task_id = ANY($2::bigint[])
              AND NOT EXISTS (SELECT 1 FROM ${LEDGER} l WHERE l.cluster_id = f.cluster_id AND l.task_id = f.task_id)
            FOR UPDATE SKIP LOCKED)
          DELETE FROM ${FENCE} f USING free WHERE f.cluster_id = $1 AND f.task_id = free.task_id`,
          [clusterId, taskIds],
        );
      }),
    close: () => pool.end(),
  };
}
