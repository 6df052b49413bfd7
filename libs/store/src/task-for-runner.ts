import type { HealthGate, RetryPolicy, ThrottleLimits } from '@longshore/core';
import { sql, type RawBuilder } from 'kysely';
import { fromStore } from './open-store.ts';
import type { Db } from './transactions.ts';

/** What a runner needs to know of its task. */
export interface TaskForRunner {
  readonly id: string;
  readonly key: string;
  readonly type: string;
  readonly typeVersion: string;
  readonly state: string;
  readonly version: number;
  readonly step: string | null;
  readonly slots: number;
  readonly slotsPerSubtask: number;
  readonly reservedNodes: readonly string[];
  readonly meta: unknown;
  readonly retry: RetryPolicy;
  readonly trace: { readonly traceparent: string; readonly tracestate?: string } | null;
  readonly throttle: ThrottleLimits | null;
  readonly gates: readonly HealthGate[];
}

export interface TaskRow {
  id: string;
  key: string;
  type: string;
  type_version: string;
  state: string;
  version: number;
  step: string | null;
  slots: number;
  slots_per_subtask: number;
  reserved_nodes: string[];
  meta: unknown;
  retry: RetryPolicy;
  trace: { traceparent: string; tracestate?: string } | null;
  throttle: ThrottleLimits | null;
  gates: HealthGate[] | null;
}

/** Reads active tasks with their metas. */
export function taskForRunner(ids: readonly string[]): RawBuilder<TaskRow> {
  return sql<TaskRow>`
    SELECT id, key, type, type_version, state, version, step, slots, slots_per_subtask, reserved_nodes, meta, retry, trace,
      throttle, gates
    FROM tasks WHERE id = ANY(${ids}::bigint[])`;
}

export function toTaskForRunner(row: TaskRow): TaskForRunner {
  return {
    id: row.id,
    key: row.key,
    type: row.type,
    typeVersion: row.type_version,
    state: row.state,
    version: row.version,
    step: row.step,
    slots: row.slots,
    slotsPerSubtask: row.slots_per_subtask,
    reservedNodes: row.reserved_nodes,
    meta: row.meta,
    retry: row.retry,
    trace: row.trace,
    throttle: row.throttle,
    gates: row.gates ?? [],
  };
}

/** A task with its meta; null when it is not active. */
export async function readTaskForRunner(db: Db, id: string): Promise<TaskForRunner | null> {
  const { rows } = await fromStore(taskForRunner([id]).execute(db));
  return rows[0] === undefined ? null : toTaskForRunner(rows[0]);
}
