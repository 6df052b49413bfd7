import { isClaimable, isKnownSubtaskKind, type RuntimeSlots, type SubtaskKind } from '@longshore/core';
import { sql } from 'kysely';
import { readPrepared } from '../session/read-prepared.ts';
import type { Db } from '../session/transactions.ts';
import { isAwaited, isControl, isPlanned } from '../schema/kind-predicates.ts';

/** A running task that may have work for a node. */
export interface RunnableTask {
  readonly id: string;
  readonly priority: number;
  readonly createdAtMs: number;
  readonly slots: number;
  readonly slotsPerSubtask: number;
  readonly runtimeSlots: RuntimeSlots | null;
  readonly step: string;
  readonly planAttempt: number;
}

/** A control subtask that may be claimed. Its kind says which of a node's places it takes. */
export interface ClaimableControl {
  readonly id: string;
  readonly kind: SubtaskKind;
}

export interface ClaimableWork {
  /** Running tasks that have slots on the node and a pending, due subtask, in rank order. */
  readonly tasks: readonly RunnableTask[];
  /** Due control subtasks on the node whose tasks want them now, in rank order. */
  readonly controls: readonly ClaimableControl[];
}

/** What a node could claim now. A hint for the claim, which checks everything again under locks. */
export async function readClaimableWork(db: Db, nodeId: string): Promise<ClaimableWork> {
  const controlRows = readPrepared(
    db,
    sql<{ id: string; kind: string; task_state: string }>`
      SELECT s.id, s.kind, t.state AS task_state FROM subtasks s JOIN tasks t ON t.id = s.task_id
      WHERE ${isControl('s')} AND s.exec_id = ${nodeId} AND s.state = 'pending'
        AND (s.not_before IS NULL OR s.not_before <= clock_timestamp())
      ORDER BY t.priority, t.created_at, t.id`,
  );
  const [tasks, controls] = await Promise.all([readRunnableTasks(db, nodeId), controlRows]);
  // The rest would take the few places that a node has for these, and keep them.
  const due = controls.flatMap(({ id, kind, task_state: state }) =>
    isKnownSubtaskKind(kind) && isClaimable(kind, state) ? [{ id, kind }] : [],
  );
  return { tasks, controls: due };
}

async function readRunnableTasks(db: Db, nodeId: string): Promise<readonly RunnableTask[]> {
  // LIMIT instead of EXISTS: that became a scan of the whole table for each task. The claim index is asked for by comparing rows of its first columns,
  // for which no other index can be taken. With each column by itself, a session that had last seen the key's index with one page took that, and
  // walked all rows of the task.
  const place = sql`(s.exec_id, s.task_id, s.step COLLATE "C", s.plan_attempt)`;
  const tasks = await readPrepared(
    db,
    sql<{
      id: string;
      priority: number;
      created_at: Date;
      slots: number;
      slots_per_subtask: number;
      runtime_slots: RuntimeSlots | null;
      step: string;
      plan_attempt: number;
    }>`
      SELECT t.id, t.priority, t.created_at, t.slots, t.slots_per_subtask, t.runtime_slots, t.step, t.plan_attempt
      FROM tasks t
      CROSS JOIN LATERAL (
        SELECT 1 FROM subtasks s
        WHERE ${place} >= (${nodeId}::text, t.id, t.step, t.plan_attempt) AND ${place} <= (${nodeId}::text, t.id, t.step, t.plan_attempt)
          AND s.state = 'pending' AND ${isPlanned('s')}
          AND (s.not_before IS NULL OR s.not_before <= clock_timestamp())
        ORDER BY s.exec_id, s.task_id, s.step COLLATE "C", s.plan_attempt, s.ordinal LIMIT 1) work
      WHERE t.state = 'running' AND ${nodeId} = ANY(t.reserved_nodes)
      ORDER BY t.priority, t.created_at, t.id`,
  );
  return tasks.map((row) => ({
    id: row.id,
    priority: row.priority,
    createdAtMs: row.created_at.getTime(),
    slots: row.slots,
    slotsPerSubtask: row.slots_per_subtask,
    runtimeSlots: row.runtime_slots,
    step: row.step,
    planAttempt: row.plan_attempt,
  }));
}

/** What an executor looks at again and again of a task that it runs subtasks of. */
export interface RunningTaskState {
  readonly state: string;
  /** Rises with each change of what runners are told. */
  readonly revision: number;
  /** Whether the task has slots on the node. */
  readonly isReserved: boolean;
  /** Whether it has slots on any. */
  readonly hasNodes: boolean;
  /** Of a task that is `reverting`: whether something is left that its revert waits for, besides side subtasks. True in every other state. */
  readonly hasOthers: boolean;
  /** Whether it is undone by force, or ends without a clean-up that hangs. */
  readonly isForced: boolean;
}

/** States of tasks that an executor runs subtasks of; a task that is missing here has left for history. */
export async function readTaskStates(
  db: Db,
  nodeId: string,
  ids: readonly string[],
): Promise<ReadonlyMap<string, RunningTaskState>> {
  if (ids.length === 0) return new Map();
  const rows = await readPrepared(
    db,
    sql<{
      id: string;
      state: string;
      revision: number;
      is_reserved: boolean;
      has_nodes: boolean;
      has_others: boolean;
      is_forced: boolean;
    }>`
      SELECT t.id, t.state, t.revision, t.is_forced, ${nodeId} = ANY(t.reserved_nodes) AS is_reserved,
        cardinality(t.reserved_nodes) > 0 AS has_nodes,
        t.state <> 'reverting'
          OR (SELECT true FROM subtasks s WHERE s.task_id = t.id AND s.state IN ('running', '') AND ${isAwaited('s')}
            LIMIT 1) IS NOT NULL
          OR (SELECT true FROM subtasks s WHERE s.task_id = t.id AND s.state IN ('pending', 'paused') AND ${isControl('s')}
            AND ${isAwaited('s')} LIMIT 1) IS NOT NULL AS has_others
      FROM tasks t WHERE t.id = ANY(${ids}::bigint[])`,
  );
  return new Map(
    rows.map((row) => [
      row.id,
      {
        state: row.state,
        revision: row.revision,
        isReserved: row.is_reserved,
        hasNodes: row.has_nodes,
        hasOthers: row.has_others,
        isForced: row.is_forced,
      },
    ]),
  );
}
