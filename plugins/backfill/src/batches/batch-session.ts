import type { SqlClient } from '@longshore/sdk';

/**
 * Sets a transaction up for a batch.
 *
 * - `lock_timeout`: whoever holds one of our rows must not make us hold all the others.
 * - `enable_seqscan`: a piece of the key's range is reached by its index, also when the table was never analysed or has
 *   grown tenfold since; the other plan reads the whole table for each batch.
 * - `jit`: it would compile each batch anew, as the settings above make plans look dear.
 *
 * @param lockTimeoutMs - 0: as the server has it.
 * @returns the session's process id in the server.
 */
export async function beginBatch(client: SqlClient, lockTimeoutMs: number): Promise<number> {
  const begun = await client.query<{ pid: number }>(
    `SELECT set_config('lock_timeout', $1, true), set_config('enable_seqscan', 'off', true), set_config('jit', 'off', true),
            pg_backend_pid() AS pid`,
    [`${lockTimeoutMs}ms`],
  );
  return begun.rows[0]?.pid ?? 0;
}
