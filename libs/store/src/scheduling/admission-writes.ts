import { sql, type RawBuilder } from 'kysely';
import { instant } from '../tasks/record-event.ts';
import { eachOnItsOwn, LockPatience, type LeftOut } from '../session/lock-patience.ts';
import { asLeader } from './leader-lease.ts';
import type { Tx } from '../session/transactions.ts';
import type { LeadingOwner } from './task-write.ts';

/** Where tasks have slots, as the leading owner stores it. */
export interface AdmissionWrites {
  /**
   * Stores where tasks have slots and why the others wait. All at once, without those whose rows somebody else has locked; these follow one
   * by one.
   *
   * @returns tasks for which nothing could be stored now: the next pass finds the same difference again.
   */
  saveAdmissions(changes: readonly AdmissionChange[]): Promise<readonly LeftOut<string>[]>;
}

/** What a scheduling pass has found for a task. */
export interface AdmissionChange {
  readonly taskId: string;
  /** Nodes that it has slots on from now; null: it takes no part in the admission, and only what it waits for is written. */
  readonly reservedNodes: readonly string[] | null;
  readonly waiting: { readonly code: string; readonly message: string } | null;
}

export function admissionWrites(leader: LeadingOwner): AdmissionWrites {
  const patience = leader.patience ?? new LockPatience();
  return {
    saveAdmissions: async (changes) => {
      if (changes.length === 0) return [];
      const saved = new Set<string>();
      await eachOnItsOwn([changes], patience, async (all) => {
        for (const id of await saveLocked(leader, all, sql`SKIP LOCKED`, patience.ms)) saved.add(id);
      });
      const rest = changes.filter((change) => !saved.has(change.taskId));
      const leftOut = await eachOnItsOwn(rest, patience, (change) => saveLocked(leader, [change], sql``, patience.ms));
      return leftOut.map(({ item, error }) => ({ item: item.taskId, error }));
    },
  };
}

/**
 * Stores changes of the tasks whose rows it gets.
 *
 * @param others how the lock treats rows that others have locked. Empty: it waits for them, as long as the patience says.
 * @returns ids of those tasks.
 */
function saveLocked(
  { db, lease }: LeadingOwner,
  changes: readonly AdmissionChange[],
  others: RawBuilder<unknown>,
  lockTimeoutMs: number,
): Promise<readonly string[]> {
  const wanted = changes.map((change) => change.taskId);
  return asLeader<readonly string[], readonly string[]>(
    db,
    lease,
    async (tx, ids) => {
      const locked = new Set(ids);
      await saveChanges(
        tx,
        changes.filter((change) => locked.has(change.taskId)),
      );
      return ids;
    },
    {
      lock: async (tx) => {
        const rows = await sql<{ id: string }>`
          SELECT id FROM tasks WHERE id = ANY(${wanted}::bigint[]) ORDER BY id FOR UPDATE ${others}`.execute(tx);
        return rows.rows.map((row) => row.id);
      },
      lockTimeoutMs,
    },
  );
}

async function saveChanges(tx: Tx, changes: readonly AdmissionChange[]): Promise<void> {
  if (changes.length === 0) return;
  await sql`
    UPDATE tasks t SET
      reserved_nodes = CASE WHEN c.nodes IS NULL THEN t.reserved_nodes ELSE ARRAY(SELECT json_array_elements_text(c.nodes)) END,
      -- "since" is kept while the reason's code stays the same
      waiting = CASE
        WHEN c.code IS NULL THEN NULL
        ELSE json_build_object('code', c.code, 'message', c.message, 'since',
          CASE WHEN t.waiting->>'code' = c.code THEN t.waiting->>'since'
          ELSE ${instant(sql`clock_timestamp()`)} END)
      END
    FROM unnest(
      ${changes.map((change) => change.taskId)}::bigint[],
      ${changes.map(({ reservedNodes }) => (reservedNodes === null ? null : JSON.stringify(reservedNodes)))}::json[],
      ${changes.map((change) => change.waiting?.code ?? null)}::text[],
      ${changes.map((change) => change.waiting?.message ?? null)}::text[]
    ) AS c(id, nodes, code, message)
    WHERE t.id = c.id AND (c.nodes IS NULL OR t.state IN ('pending', 'running', 'modifying'))`.execute(tx);
}
