import { sql } from 'kysely';
import { fromStore } from '../session/open-store.ts';
import type { Db } from '../session/transactions.ts';

/** Trace contexts of active tasks, by id; a task without one is missing. */
export async function readTaskTraces(
  db: Db,
  ids: readonly string[],
): Promise<ReadonlyMap<string, { readonly traceparent: string; readonly tracestate?: string }>> {
  if (ids.length === 0) return new Map();
  const rows = await fromStore(
    sql<{ id: string; trace: { traceparent: string; tracestate?: string } }>`
      SELECT id, trace FROM tasks WHERE id = ANY(${ids}::bigint[]) AND trace IS NOT NULL`.execute(db),
  );
  return new Map(rows.rows.map((row) => [row.id, row.trace]));
}
