import {
  LongshoreError,
  type HealthGate,
  type LabelSelector,
  type OnFailure,
  type RetryPolicy,
  type RuntimeSlots,
  type ThrottleLimits,
} from '@longshore/core';
import { sql } from 'kysely';
import { storableText } from './record-event.ts';
import { inTransaction, type Db } from './transactions.ts';

/** A task as it is first written; everything is validated and defaulted by now. */
export interface NewTask {
  readonly key: string;
  readonly type: string;
  readonly typeVersion: string;
  readonly priority: number;
  readonly scope: string;
  readonly slots: number;
  readonly slotsPerSubtask: number;
  readonly maxNodes: number | null;
  readonly onFailure: OnFailure;
  readonly retry: RetryPolicy;
  readonly meta: unknown;
  readonly throttle: ThrottleLimits | null;
  readonly gates: readonly HealthGate[] | null;
  /** A cap on what it uses of its slots; null: none. */
  readonly runtimeSlots: RuntimeSlots | null;
  readonly selectors: readonly LabelSelector[] | null;
  /** Error codes that pause it instead of failing it. */
  readonly pauseOn: readonly string[];
  readonly subtaskTimeoutMs: number | null;
  readonly stallTimeoutMs: number | null;
  /** From its submit; null: none. */
  readonly deadlineMs: number | null;
  readonly trace: { readonly traceparent: string; readonly tracestate?: string } | null;
  /** Tells a repeated submit from another task under the same key. */
  readonly contentHash: string;
  readonly actor: string;
}

/**
 * Writes a task, once per key. The key's row is inserted first: a second submit waits for the first one's transaction and
 * then finds it.
 *
 * @returns the task's id; `created: false` when the same submit was made before.
 * @throws {LongshoreError} TASK_KEY_TAKEN when the key belongs to a task with other content.
 */
export async function submitTask(db: Db, task: NewTask): Promise<{ readonly id: string; readonly created: boolean }> {
  return inTransaction(db, async (tx, commit) => {
    const key = await sql<{ id: string }>`
      INSERT INTO task_keys (key, task_id, content_hash)
      VALUES (${task.key}, nextval(pg_get_serial_sequence('tasks', 'id')), ${task.contentHash})
      ON CONFLICT (key) DO NOTHING RETURNING task_id AS id`.execute(tx);
    const id = key.rows[0]?.id;
    if (id === undefined) {
      const taken = await tx
        .selectFrom('task_keys')
        .select(['task_id', 'content_hash'])
        .where('key', '=', task.key)
        .executeTakeFirstOrThrow();
      if (taken.content_hash === task.contentHash) return { id: taken.task_id, created: false };
      throw new LongshoreError(
        'TASK_KEY_TAKEN',
        `key ${JSON.stringify(task.key)} belongs to task ${taken.task_id}, which was submitted with other content`,
        { details: { taskId: taken.task_id } },
      );
    }
    const insertion = sql`
      WITH task AS (INSERT INTO tasks (id, key, type, type_version, state, priority, scope, slots, slots_per_subtask, max_nodes,
        on_failure, meta, retry, trace, throttle, gates, runtime_slots, selectors, pause_on, subtask_timeout_ms, stall_timeout_ms,
        deadline_ms, deadline_at, event_seq)
      OVERRIDING SYSTEM VALUE
      VALUES (${id}, ${task.key}, ${task.type}, ${task.typeVersion}, 'pending', ${task.priority}, ${task.scope},
        ${task.slots}, ${task.slotsPerSubtask}, ${task.maxNodes}, ${task.onFailure}, ${JSON.stringify(task.meta)}::json,
        ${JSON.stringify(task.retry)}::json, ${jsonOrNull(task.trace)}::json,
        ${jsonOrNull(task.throttle)}::json,
        ${jsonOrNull(task.gates)}::json, ${jsonOrNull(task.runtimeSlots)}::json, ${jsonOrNull(task.selectors)}::json,
        ${task.pauseOn}::text[], ${task.subtaskTimeoutMs}, ${task.stallTimeoutMs}, ${task.deadlineMs},
        clock_timestamp() + ${task.deadlineMs}::bigint * interval '1 millisecond', 1) RETURNING id)
      INSERT INTO task_events (task_id, seq, actor, kind, to_state)
      SELECT id, 1, ${storableText(task.actor)}, 'submit', 'pending' FROM task`;
    await commit([insertion], 'submit.before-commit');
    return { id, created: true };
  });
}

function jsonOrNull(value: unknown): string | null {
  return value === null ? null : JSON.stringify(value);
}
