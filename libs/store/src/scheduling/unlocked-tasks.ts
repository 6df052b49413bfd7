import { sql } from 'kysely';
import { fromStore } from '../session/open-store.ts';
import type { Db } from '../session/transactions.ts';

/**
 * Which of these tasks nobody has locked at this moment, so that a write of them would not wait. Waits for nothing itself. Tasks that have
 * left for history are among them.
 */
export async function findUnlockedTasks(db: Db, ids: readonly string[]): Promise<ReadonlySet<string>> {
  const rows = await fromStore(
    sql<{ id: string }>`
      WITH free AS (SELECT id FROM tasks WHERE id = ANY(${ids}::bigint[]) FOR UPDATE SKIP LOCKED)
      SELECT asked.id::text AS id FROM unnest(${ids}::bigint[]) AS asked(id)
      WHERE asked.id IN (SELECT id FROM free) OR NOT EXISTS (SELECT 1 FROM tasks t WHERE t.id = asked.id)`.execute(db),
  );
  return new Set(rows.rows.map((row) => row.id));
}
