import type { ErrorData, HealthGate, LabelSelector, Modification, RuntimeSlots, ThrottleLimits } from '@longshore/core';
import { sql } from 'kysely';
import { waitingOfTask } from '../scheduling/queue-waits.ts';
import { fromStore, storeError } from '../session/open-store.ts';
import { readPrepared } from '../session/read-prepared.ts';
import type { Db } from '../session/transactions.ts';

/** A task as it is stored, active or archived; without its meta, which may be large. */
export interface StoredTask {
  readonly id: string;
  readonly key: string;
  /** Its number among the runs of its key, from 1. */
  readonly run: number;
  readonly type: string;
  readonly typeVersion: string;
  readonly state: string;
  readonly outcome: string | null;
  readonly step: string | null;
  readonly priority: number;
  readonly slots: number;
  readonly slotsPerSubtask: number;
  readonly maxNodes: number | null;
  readonly scope: string;
  readonly onFailure: string;
  readonly reservedNodes: readonly string[];
  readonly waiting: { readonly code: string; readonly message: string; readonly since: string } | null;
  readonly error: ErrorData | null;
  readonly result: unknown;
  /** What was left out of it on request: subtasks, and hooks such as `onDone` or `revert`. */
  readonly skipped: { readonly subtasks: number; readonly hooks: number };
  readonly createdAt: Date;
  readonly startedAt: Date | null;
  readonly endedAt: Date | null;
  readonly isArchived: boolean;
  readonly throttle: ThrottleLimits | null;
  readonly gates: readonly HealthGate[] | null;
  readonly runtimeSlots: RuntimeSlots | null;
  readonly selectors: readonly LabelSelector[] | null;
  readonly subtaskTimeoutMs: number | null;
  readonly stallTimeoutMs: number | null;
  /** Null: it has none, or it rests. */
  readonly deadlineAt: Date | null;
  readonly modification: Modification | null;
  /** Whether its next run starts once it is undone. */
  readonly isRestarting: boolean;
}

interface TaskRow {
  id: string;
  key: string;
  run: number;
  type: string;
  type_version: string;
  state: string;
  outcome: string | null;
  step: string | null;
  priority: number;
  slots: number;
  slots_per_subtask: number;
  max_nodes: number | null;
  scope: string;
  on_failure: string;
  reserved_nodes: string[];
  waiting: StoredTask['waiting'];
  error: ErrorData | null;
  result: unknown;
  skipped_subtasks: number;
  skipped_hooks: number;
  created_at: Date;
  started_at: Date | null;
  ended_at: Date | null;
  is_archived: boolean;
  throttle: ThrottleLimits | null;
  gates: readonly HealthGate[] | null;
  runtime_slots: RuntimeSlots | null;
  selectors: readonly LabelSelector[] | null;
  subtask_timeout_ms: number | null;
  stall_timeout_ms: number | null;
  deadline_at: Date | null;
  modification: Modification | null;
  is_restarting: boolean;
}

const VIEW_COLUMNS = sql.raw(
  'id, key, type, type_version, state, outcome, step, priority, slots, slots_per_subtask, max_nodes, scope, on_failure, ' +
    'reserved_nodes, throttle, gates, runtime_slots, selectors, subtask_timeout_ms, stall_timeout_ms, deadline_at, ' +
    'modification, error, result, created_at, started_at, ended_at',
);

/** Active and archived tasks as one; a task is in exactly one of the two at every moment that a statement can see. */
const ALL_TASKS = sql`(
  SELECT ${VIEW_COLUMNS}, ${waitingOfTask} AS waiting, false AS is_archived, restart IS NOT NULL AS is_restarting FROM tasks t
  UNION ALL SELECT ${VIEW_COLUMNS}, waiting, true, false FROM task_history)`;

/** Events that tell of something skipped, as their index has them. A `skip` to another state let the task go on with its work. */
const SKIPS = sql`e.task_id = t.id AND e.kind IN ('subtask-skipped', 'skip', 'hook-skipped')`;

/** Looked up for the rows that are answered, and for no others. */
const LOOKED_UP = sql`t.*, coalesce(
  (SELECT run FROM task_keys k WHERE k.task_id = t.id), (SELECT run FROM earlier_runs e WHERE e.task_id = t.id), 1) AS run,
  (SELECT coalesce(sum(e.events), 0)::int FROM task_events e WHERE ${SKIPS} AND e.kind = 'subtask-skipped') AS skipped_subtasks,
  (SELECT count(*)::int FROM task_events e
    WHERE ${SKIPS} AND (e.kind = 'hook-skipped' OR e.kind = 'skip' AND e.to_state IN ('succeed', 'reverted'))) AS skipped_hooks`;

function toTask(row: TaskRow): StoredTask {
  return {
    id: row.id,
    key: row.key,
    run: row.run,
    type: row.type,
    typeVersion: row.type_version,
    state: row.state,
    outcome: row.outcome,
    step: row.step,
    priority: row.priority,
    slots: row.slots,
    slotsPerSubtask: row.slots_per_subtask,
    maxNodes: row.max_nodes,
    scope: row.scope,
    onFailure: row.on_failure,
    reservedNodes: row.reserved_nodes,
    waiting: row.waiting,
    error: row.error,
    result: row.result,
    skipped: { subtasks: row.skipped_subtasks, hooks: row.skipped_hooks },
    createdAt: row.created_at,
    startedAt: row.started_at,
    endedAt: row.ended_at,
    isArchived: row.is_archived,
    throttle: row.throttle,
    gates: row.gates,
    runtimeSlots: row.runtime_slots,
    selectors: row.selectors,
    subtaskTimeoutMs: row.subtask_timeout_ms,
    stallTimeoutMs: row.stall_timeout_ms,
    deadlineAt: row.deadline_at,
    modification: row.modification,
    isRestarting: row.is_restarting,
  };
}

/** The id of the newest run of this key; null when there is none. */
export async function findTaskByKey(db: Db, key: string): Promise<string | null> {
  try {
    const row = await db.selectFrom('task_keys').select('task_id').where('key', '=', key).executeTakeFirst();
    return row?.task_id ?? null;
  } catch (thrown) {
    throw storeError(thrown);
  }
}

/** A task by id, active or archived; null when there is none. */
export async function readTask(db: Db, id: string): Promise<StoredTask | null> {
  try {
    const statement = sql<TaskRow>`SELECT ${LOOKED_UP} FROM ${ALL_TASKS} t WHERE id = ${id}`;
    const [row] = await readPrepared(db, statement);
    return row === undefined ? null : toTask(row);
  } catch (thrown) {
    throw storeError(thrown);
  }
}

/** A task's meta; null when there is no such task. */
export async function readTaskMeta(db: Db, id: string): Promise<unknown> {
  const rows = await fromStore(
    sql<{ meta: unknown }>`
      SELECT meta FROM tasks WHERE id = ${id} UNION ALL SELECT meta FROM task_history WHERE id = ${id}`.execute(db),
  );
  return rows.rows[0]?.meta ?? null;
}

export interface TaskFilter {
  readonly states?: readonly string[] | undefined;
  readonly type?: string | undefined;
  readonly outcome?: string | undefined;
  readonly keyPrefix?: string | undefined;
  readonly withHistory: boolean;
  /** Only smaller ids. */
  readonly before?: string | undefined;
  readonly limit: number;
}

/** A page of tasks, newest first. */
export async function listTasks(db: Db, filter: TaskFilter): Promise<readonly StoredTask[]> {
  try {
    const rows = await sql<TaskRow>`
      SELECT ${LOOKED_UP} FROM ${ALL_TASKS} t
      WHERE (${filter.withHistory} OR NOT is_archived)
        AND (${filter.states ?? null}::text[] IS NULL OR state = ANY(${filter.states ?? null}::text[]))
        AND (${filter.type ?? null}::text IS NULL OR type = ${filter.type ?? null})
        AND (${filter.outcome ?? null}::text IS NULL OR outcome = ${filter.outcome ?? null})
        AND (${filter.keyPrefix ?? null}::text IS NULL OR starts_with(key, ${filter.keyPrefix ?? null}))
        AND (${filter.before ?? null}::bigint IS NULL OR id < ${filter.before ?? null})
      ORDER BY id DESC LIMIT ${filter.limit}`.execute(db);
    return rows.rows.map(toTask);
  } catch (thrown) {
    throw storeError(thrown);
  }
}

/** A page of a key's runs, newest first. */
export async function listRuns(
  db: Db,
  key: string,
  page: { readonly before?: string | undefined; readonly limit: number },
): Promise<readonly StoredTask[]> {
  const { before = null, limit } = page;
  const { rows } = await fromStore(
    sql<TaskRow>`
      SELECT ${LOOKED_UP} FROM ${ALL_TASKS} t
      WHERE id = ANY(ARRAY(
          SELECT task_id FROM task_keys WHERE key = ${key} UNION ALL SELECT task_id FROM earlier_runs WHERE key = ${key}))
        AND (${before}::bigint IS NULL OR id < ${before})
      ORDER BY id DESC LIMIT ${limit}`.execute(db),
  );
  return rows.map(toTask);
}
