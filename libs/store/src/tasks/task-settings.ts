import type { HealthGate, LabelSelector, OnFailure, RetryPolicy, RuntimeSlots, ThrottleLimits } from '@longshore/core';
import { sql, type RawBuilder } from 'kysely';

/** What a task is to do and how: checked against its type, with the type's defaults filled in. */
export interface TaskSettings {
  readonly type: string;
  readonly typeVersion: string;
  readonly priority: number;
  readonly scope: string;
  readonly slots: number;
  readonly slotsPerSubtask: number;
  /** Null: all. */
  readonly maxNodes: number | null;
  /** Null: none. So in each of the following. */
  readonly runtimeSlots: RuntimeSlots | null;
  readonly selectors: readonly LabelSelector[] | null;
  readonly onFailure: OnFailure;
  readonly retry: RetryPolicy;
  /** Error codes that pause it instead of failing it. */
  readonly pauseOn: readonly string[];
  readonly subtaskTimeoutMs: number | null;
  readonly stallTimeoutMs: number | null;
  /** From submit, in milliseconds. */
  readonly deadlineMs: number | null;
  readonly throttle: ThrottleLimits | null;
  readonly gates: readonly HealthGate[] | null;
  readonly meta: unknown;
}

/**
 * The columns of these settings with their values: one list for the insert of a task and for the update of one that was stored before it
 * was checked.
 *
 * @param submittedAt when its deadline begins.
 */
export function settingColumns(
  settings: TaskSettings,
  submittedAt: RawBuilder<unknown>,
): readonly (readonly [name: string, value: RawBuilder<unknown>])[] {
  const { deadlineMs } = settings;
  return [
    ['type', sql`${settings.type}`],
    ['type_version', sql`${settings.typeVersion}`],
    ['priority', sql`${settings.priority}`],
    ['scope', sql`${settings.scope}`],
    ['slots', sql`${settings.slots}`],
    ['slots_per_subtask', sql`${settings.slotsPerSubtask}`],
    ['max_nodes', sql`${settings.maxNodes}`],
    ['runtime_slots', json(settings.runtimeSlots)],
    ['selectors', json(settings.selectors)],
    ['on_failure', sql`${settings.onFailure}`],
    ['retry', json(settings.retry)],
    ['pause_on', sql`${settings.pauseOn}::text[]`],
    ['subtask_timeout_ms', sql`${settings.subtaskTimeoutMs}`],
    ['stall_timeout_ms', sql`${settings.stallTimeoutMs}`],
    ['deadline_ms', sql`${deadlineMs}`],
    ['deadline_at', deadlineMs === null ? sql`NULL` : sql`${submittedAt} + ${`${deadlineMs} milliseconds`}::interval`],
    ['throttle', json(settings.throttle)],
    ['gates', json(settings.gates)],
    ['meta', json(settings.meta)],
  ];
}

/** A column's name as the head of an insert or an update has it. */
export function columnName([name]: readonly [name: string, value: RawBuilder<unknown>]): RawBuilder<unknown> {
  return sql`${sql.ref(name)}`;
}

function json(value: unknown): RawBuilder<unknown> {
  return sql`${value === null ? null : JSON.stringify(value)}::json`;
}
