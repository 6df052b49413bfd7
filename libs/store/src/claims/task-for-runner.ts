import type {
  HealthGate,
  LabelSelector,
  Modification,
  RetryPolicy,
  RuntimeSlots,
  ThrottleLimits,
} from '@longshore/core';
import { sql, type RawBuilder } from 'kysely';
import { readPrepared } from '../session/read-prepared.ts';
import { maxSubtasksPerStep } from '../cluster/cluster-settings.ts';
import type { Db } from '../session/transactions.ts';

/** What a runner needs to know of its task. */
export interface TaskForRunner {
  readonly id: string;
  readonly key: string;
  /** Its number among the runs of its key. Default 1. */
  readonly run?: number;
  readonly type: string;
  readonly typeVersion: string;
  readonly state: string;
  /** Whether what `prepare` asked for is part of it. False for types without that hook. */
  readonly isPrepared: boolean;
  readonly version: number;
  readonly step: string | null;
  readonly scope: string;
  readonly selectors: readonly LabelSelector[] | null;
  readonly slots: number;
  readonly slotsPerSubtask: number;
  readonly reservedNodes: readonly string[];
  readonly meta: unknown;
  readonly retry: RetryPolicy;
  readonly trace: { readonly traceparent: string; readonly tracestate?: string } | null;
  readonly throttle: ThrottleLimits | null;
  readonly gates: readonly HealthGate[];
  /** Rises with each change of what runners are told. */
  readonly revision: number;
  /** Its rank: with its id what decides who gives way on a node. */
  readonly priority: number;
  readonly createdAtMs: number;
  readonly runtimeSlots: RuntimeSlots | null;
  readonly pauseOn: readonly string[];
  readonly subtaskTimeoutMs: number | null;
  readonly stallTimeoutMs: number | null;
  /** What is being changed of it; null: nothing. */
  readonly modification: Modification | null;
  /** Subtasks of a step at most, as the cluster has it; null: nobody has set it. */
  readonly maxSubtasksPerStep: number | null;
}

export interface TaskRow {
  id: string;
  key: string;
  run: number;
  type: string;
  type_version: string;
  state: string;
  is_prepared: boolean;
  version: number;
  step: string | null;
  scope: string;
  selectors: LabelSelector[] | null;
  slots: number;
  slots_per_subtask: number;
  reserved_nodes: string[];
  meta: unknown;
  retry: RetryPolicy;
  trace: { traceparent: string; tracestate?: string } | null;
  throttle: ThrottleLimits | null;
  gates: HealthGate[] | null;
  revision: number;
  priority: number;
  created_at: Date;
  runtime_slots: RuntimeSlots | null;
  pause_on: string[];
  subtask_timeout_ms: number | null;
  stall_timeout_ms: number | null;
  modification: Modification | null;
  max_subtasks_per_step: number | null;
}

/** Reads active tasks with their metas. @param ids an array of bigint. */
export function taskForRunner(ids: RawBuilder<unknown>): RawBuilder<TaskRow> {
  return sql<TaskRow>`
    SELECT id, key, type, type_version, state, is_prepared, version, step, scope, selectors, slots, slots_per_subtask, reserved_nodes, meta, retry, trace,
      throttle, gates, revision, priority, created_at, runtime_slots, pause_on, subtask_timeout_ms, stall_timeout_ms, modification,
      coalesce((SELECT k.run FROM task_keys k WHERE k.task_id = tasks.id),
        (SELECT e.run FROM earlier_runs e WHERE e.task_id = tasks.id), 1) AS run,
      ${maxSubtasksPerStep} AS max_subtasks_per_step
    FROM tasks WHERE id = ANY(${ids})`;
}

export function toTaskForRunner(row: TaskRow): TaskForRunner {
  return {
    id: row.id,
    key: row.key,
    run: row.run,
    type: row.type,
    typeVersion: row.type_version,
    state: row.state,
    isPrepared: row.is_prepared,
    version: row.version,
    step: row.step,
    scope: row.scope,
    selectors: row.selectors,
    slots: row.slots,
    slotsPerSubtask: row.slots_per_subtask,
    reservedNodes: row.reserved_nodes,
    meta: row.meta,
    retry: row.retry,
    trace: row.trace,
    throttle: row.throttle,
    gates: row.gates ?? [],
    revision: row.revision,
    priority: row.priority,
    createdAtMs: row.created_at.getTime(),
    runtimeSlots: row.runtime_slots,
    pauseOn: row.pause_on,
    subtaskTimeoutMs: row.subtask_timeout_ms,
    stallTimeoutMs: row.stall_timeout_ms,
    modification: row.modification,
    maxSubtasksPerStep: row.max_subtasks_per_step,
  };
}

/** A task with its meta; null when it is not active. */
export async function readTaskForRunner(db: Db, id: string): Promise<TaskForRunner | null> {
  const [row] = await readPrepared(db, taskForRunner(sql`ARRAY[${id}::bigint]`));
  return row === undefined ? null : toTaskForRunner(row);
}
