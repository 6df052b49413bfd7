import { sql } from 'kysely';
import { instant } from '../tasks/record-event.ts';
import { asLeader } from './leader-lease.ts';
import type { LeadingOwner } from './task-write.ts';

/** Where tasks have slots, as the leading owner stores it. */
export interface AdmissionWrites {
  /** Stores where tasks have slots and why the others wait. */
  saveAdmissions(changes: readonly AdmissionChange[]): Promise<void>;
}

/** What a scheduling pass has found for a task. */
export interface AdmissionChange {
  readonly taskId: string;
  /** Nodes that it has slots on from now; null: it takes no part in the admission, and only what it waits for is written. */
  readonly reservedNodes: readonly string[] | null;
  readonly waiting: { readonly code: string; readonly message: string } | null;
}

export function admissionWrites({ db, lease }: LeadingOwner): AdmissionWrites {
  return {
    saveAdmissions: async (changes) => {
      if (changes.length === 0) return;
      await asLeader(db, lease, async (tx) => {
        const ids = changes.map((change) => change.taskId);
        await sql`SELECT 1 FROM tasks WHERE id = ANY(${ids}::bigint[]) ORDER BY id FOR UPDATE`.execute(tx);
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
            ${ids}::bigint[],
            ${changes.map(({ reservedNodes }) => (reservedNodes === null ? null : JSON.stringify(reservedNodes)))}::json[],
            ${changes.map((change) => change.waiting?.code ?? null)}::text[],
            ${changes.map((change) => change.waiting?.message ?? null)}::text[]
          ) AS c(id, nodes, code, message)
          WHERE t.id = c.id AND (c.nodes IS NULL OR t.state IN ('pending', 'running', 'modifying'))`.execute(tx);
      });
    },
  };
}
