import { openSessionPool } from '@longshore/postgres';
import { FENCE, LEDGER } from './effects-schema.ts';
import { SESSION_LIMITS } from './session-settings.ts';
import { sqlClient } from './sql-client.ts';

/** The ledgers of a target as a whole, for clean-up: no task's own business. */
export interface TargetLedgers {
  /** Ids of the tasks of a cluster that have left rows, after an id, in order. */
  tasks(clusterId: string, afterId: string, limit: number): Promise<readonly string[]>;
  /** Removes the remains of tasks. Only for forgotten tasks: none of their effects can come late any more. */
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
        await client.query(`DELETE FROM ${LEDGER} WHERE cluster_id = $1 AND task_id = ANY($2::bigint[])`, [
          clusterId,
          taskIds,
        ]);
        await client.query(`DELETE FROM ${FENCE} WHERE cluster_id = $1 AND task_id = ANY($2::bigint[])`, [
          clusterId,
          taskIds,
        ]);
      }),
    close: () => pool.end(),
  };
}
