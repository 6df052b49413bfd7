import { sql } from 'kysely';
import { isRowLocked } from '../session/lock-patience.ts';
import { fromStore } from '../session/open-store.ts';
import type { Db } from '../session/transactions.ts';
import { claimSubtasks, type ClaimedSubtask, type ClaimRequest } from './claim-subtasks.ts';
import type { NodeIdentity } from './holder.ts';

/** How long a claim waits for a task that somebody else has locked, in milliseconds: transitions hold one for a few. */
const LOCK_TIMEOUT_MS = 100;

/**
 * Claims as {@link claimSubtasks} does, but a task that somebody keeps locked delays no other: after a wait in vain only tasks are asked for that
 * nobody has locked. The next look finds the others again.
 *
 * @throws {LongshoreError} NODE_FENCED when the node is not live under this epoch any more.
 */
export async function claimUnlocked(
  db: Db,
  node: NodeIdentity,
  requests: readonly ClaimRequest[],
  controls: readonly string[],
  hinted: readonly string[] = [],
): Promise<readonly ClaimedSubtask[]> {
  try {
    return await claimSubtasks(db, node, requests, controls, hinted, LOCK_TIMEOUT_MS);
  } catch (error) {
    if (!isRowLocked(error)) throw error;
    const taskOf = await readTasksOf(db, controls);
    const free = await findShareable(db, [...requests.map((one) => one.taskId), ...hinted, ...taskOf.values()]);
    return claimSubtasks(
      db,
      node,
      requests.filter((one) => free.has(one.taskId)),
      controls.filter((id) => free.has(taskOf.get(id) ?? '')),
      hinted.filter((id) => free.has(id)),
      LOCK_TIMEOUT_MS,
    );
  }
}

/** Whose these subtasks are. */
async function readTasksOf(db: Db, subtasks: readonly string[]): Promise<ReadonlyMap<string, string>> {
  if (subtasks.length === 0) return new Map();
  const rows = await fromStore(
    sql<{
      id: string;
      task_id: string;
    }>`SELECT id, task_id FROM subtasks WHERE id = ANY(${subtasks}::bigint[])`.execute(db),
  );
  return new Map(rows.rows.map((row) => [row.id, row.task_id]));
}

/** Which of these tasks a claim can share at this moment without a wait. */
async function findShareable(db: Db, ids: readonly string[]): Promise<ReadonlySet<string>> {
  const rows = await fromStore(
    sql<{ id: string }>`SELECT id FROM tasks WHERE id = ANY(${ids}::bigint[]) FOR KEY SHARE SKIP LOCKED`.execute(db),
  );
  return new Set(rows.rows.map((row) => row.id));
}
