import {
  MAX_SCHEDULED_TASKS,
  taskId,
  type ControlSnapshot,
  type ErrorData,
  type LabelSelector,
  type Modification,
  type NodeHook,
  type NodeId,
  type OnFailure,
  type RemainingWork,
  type StepPlacement,
  type TaskId,
} from '@longshore/core';
import { sql } from 'kysely';
import { NO_NODE } from '../plans/step-placement.ts';
import { storeError } from '../session/open-store.ts';
import { readPrepared } from '../session/read-prepared.ts';
import type { Db } from '../session/transactions.ts';
import { isAwaited, isControl, isPlanned } from '../schema/kind-predicates.ts';

/** A control subtask with the node that has it. */
export type ScheduledControl = ControlSnapshot & NodeHook;

/** A task with the facts that the owner decides on. */
export interface ScheduledTask {
  readonly id: TaskId;
  readonly state: string;
  readonly type: string;
  readonly typeVersion: string;
  readonly priority: number;
  readonly createdAtMs: number;
  readonly scope: string;
  readonly selectors: readonly LabelSelector[] | null;
  readonly slots: number;
  readonly maxNodes: number | null;
  readonly onFailure: OnFailure;
  readonly step: string | null;
  /** False: submitted within a user's transaction; its settings are still to be made of what it asked for. */
  readonly isValidated: boolean;
  /** What its type said of where the current step may run; null: no step is current. */
  readonly stepPlacement: StepPlacement | null;
  readonly isPrepared: boolean;
  readonly hookRan: boolean;
  readonly reserved: readonly NodeId[];
  readonly waiting: { readonly code: string; readonly message: string; readonly since: string } | null;
  readonly controls: readonly ScheduledControl[];
  readonly hasGates: boolean;
  readonly hasPending: boolean;
  readonly hasRunning: boolean;
  /** What is left of the current step; null: nothing, more than all live nodes can use, or no step is current. */
  readonly remaining: RemainingWork | null;
  readonly firstFailure: ErrorData | null;
  readonly doFailuresPause: boolean;
  readonly modification: Modification | null;
  readonly isOverdue: boolean;
  readonly isForced: boolean;
  /** The queue in which it waits for slots; null, or not there: in none. */
  readonly queue?: TaskQueue | null;
}

/** A queue of tasks that wait for the same slots on the same nodes. */
export interface TaskQueue {
  readonly name: string;
  /** Whether others may stand behind those that were read of it. */
  readonly hasMore: boolean;
}

/** Columns of a task that a pass looks at, or that lead to its rows. */
const HEAD_COLUMNS = sql.raw(
  'h.id, h.state, h.type, h.type_version, h.priority, h.created_at, h.scope, h.selectors, h.slots, h.max_nodes, h.on_failure, h.step, ' +
    'h.is_validated, h.is_prepared, h.reserved_nodes, h.waiting, h.gates, h.modification, h.is_forced, h.deadline_at, h.pause_on, ' +
    'h.plan_attempt, h.queue',
);

interface SnapshotRow {
  id: string;
  state: string;
  type: string;
  type_version: string;
  priority: number;
  created_at_ms: number;
  scope: string;
  selectors: LabelSelector[] | null;
  slots: number;
  max_nodes: number | null;
  on_failure: string;
  step: string | null;
  is_validated: boolean;
  step_placement: StepPlacement | null;
  is_prepared: boolean;
  reserved_nodes: string[];
  waiting: { code: string; message: string; since: string } | null;
  controls: (ScheduledControl & { readonly attempt: number })[] | null;
  has_gates: boolean;
  has_pending: boolean;
  has_running: boolean;
  pending_on: string[] | null;
  running_on: string[] | null;
  first_failure: ErrorData | null;
  do_failures_pause: boolean;
  modification: Modification | null;
  is_overdue: boolean;
  is_forced: boolean;
  queue: string;
  /** How many were read of its queue at most; null: all, or it stands behind them. */
  queue_most: string | null;
}

/**
 * Running subtasks of a task that are looked at for the nodes that run them. Only the last ones of a step are, and these are what its nodes
 * have claimed; with more, nothing is said of what remains.
 */
const LAST_RUNNING = 1_000;

/**
 * Tasks of a queue that are read at least. It is also how many hooks of `prepare` one pass adds of one queue: each of them is a write.
 */
const LEAST_HEADS = 100;

/** Bounds of what is read of the tasks that wait for slots. */
export interface SnapshotBounds {
  /** Tasks that have slots at once, where the cluster's settings don't say. Default: 1,000, the most that can be set. */
  readonly maxScheduledTasks?: number;
  /** Tasks of a queue that are read at least, 1 or more. Default 100. */
  readonly leastHeads?: number;
}

/**
 * Everything that one scheduling pass looks at, in one query: every task that has not left for history and doesn't just wait for slots, and the
 * first of each queue of those that do, in rank order, with their control subtasks and what their work is at.
 *
 * Tasks of a queue differ in nothing that admission looks at but their rank. Where one of them gets no slots, those behind it get none either, since
 * what is left only shrinks. So it is enough to read one more than could get slots if the queue were alone: as many as the limit allows, or as
 * many as fit on all live nodes. One more than fit on the largest node are read in any case, because these tell that slots are contended. The queues are
 * found by a step over the index for each. A task whose deadline is over is read wherever it stands.
 *
 * Each fact is a walk of an index that ends at the first row, never a count; LIMIT
 * says so in a way that the planner can't turn into one scan of all rows, as it does with EXISTS. They are not looked for where the
 * task is pending: nothing of its work counts yet, and a thousand such tasks may be waiting. What runs is asked for with a second state that
 * no subtask has: a plan from when the table was empty walked the index of what each node runs, which has the rows of all tasks.
 * What remains of a step is read up to one row for each live node, and what runs of it only where that was all. OFFSET 0 keeps the planner
 * from doing the first twice.
 */
export async function readSchedulingSnapshot(
  db: Db,
  { maxScheduledTasks = MAX_SCHEDULED_TASKS, leastHeads = LEAST_HEADS }: SnapshotBounds = {},
): Promise<readonly ScheduledTask[]> {
  try {
    const statement = sql<SnapshotRow>`
      WITH RECURSIVE queues (queue, slots) AS (
        (SELECT q.queue, q.slots FROM tasks q ORDER BY q.queue LIMIT 1)
        UNION ALL
        SELECT next.queue, next.slots FROM queues CROSS JOIN LATERAL (
          SELECT q.queue, q.slots FROM tasks q WHERE q.queue > queues.queue ORDER BY q.queue LIMIT 1) next),
      heads AS MATERIALIZED (
        SELECT ${HEAD_COLUMNS}, bound.most AS queue_most
        FROM queues
        CROSS JOIN LATERAL (
          SELECT CASE WHEN queues.queue <> '' THEN greatest(
            least(coalesce((SELECT value::text::int FROM settings WHERE name = 'maxScheduledTasks'), ${maxScheduledTasks}::int),
              coalesce(sum(n.slots / queues.slots), 0)),
            coalesce(max(n.slots / queues.slots), 0), ${leastHeads}::int - 1) + 1 END AS most
          FROM nodes n WHERE n.state = 'live' OFFSET 0) bound
        CROSS JOIN LATERAL (
          SELECT ${HEAD_COLUMNS} FROM tasks h WHERE h.queue = queues.queue
          ORDER BY h.priority, h.created_at, h.id LIMIT bound.most) h
        UNION ALL
        SELECT ${HEAD_COLUMNS}, NULL FROM tasks h WHERE h.queue <> '' AND h.deadline_at < clock_timestamp())
      SELECT t.id, t.state, t.type, t.type_version, t.priority, floor(date_part('epoch', t.created_at) * 1000) AS created_at_ms,
        t.scope, t.selectors, t.slots, t.max_nodes, t.on_failure, t.step, t.is_validated, t.is_prepared, t.reserved_nodes, t.waiting, c.controls,
        t.gates IS NOT NULL AS has_gates, t.modification, t.is_forced, t.queue, t.queue_most,
        coalesce(t.deadline_at < clock_timestamp(), false) AS is_overdue,
        cardinality(t.pause_on) > 0 AND (SELECT true FROM subtasks s
          WHERE s.task_id = t.id AND s.state = 'failed' AND ${isPlanned('s')} AND NOT s.error->>'code' = ANY(t.pause_on)
          LIMIT 1) IS NULL AS do_failures_pause,
        CASE WHEN t.step IS NOT NULL THEN
          (SELECT json_build_object('placement', st.placement, 'placedFor', st.placed_for) FROM task_steps st
            WHERE st.task_id = t.id AND st.step = t.step) END AS step_placement,
        CASE WHEN t.state <> 'pending' THEN
          (SELECT true FROM subtasks s WHERE s.task_id = t.id AND s.state IN ('pending', 'paused') AND ${isAwaited('s')}
            ORDER BY s.kind, s.step, s.plan_attempt, s.ordinal LIMIT 1) IS NOT NULL ELSE false END AS has_pending,
        CASE WHEN t.state <> 'pending' THEN
          (SELECT true FROM subtasks s WHERE s.task_id = t.id AND s.state IN ('running', '') AND ${isAwaited('s')}
            LIMIT 1) IS NOT NULL ELSE false END AS has_running,
        remaining.pending_on,
        CASE WHEN cardinality(remaining.pending_on) < (SELECT count(*) FROM nodes WHERE state = 'live') THEN
          (SELECT CASE WHEN count(*) < ${LAST_RUNNING}::int THEN coalesce(array_agg(DISTINCT last.exec_id), '{}') END FROM (
            SELECT s.exec_id FROM subtasks s
            WHERE s.task_id = t.id AND s.state IN ('running', '') AND ${isPlanned('s')} AND s.step = t.step
              AND s.plan_attempt = t.plan_attempt
            LIMIT ${LAST_RUNNING}::int) last) END AS running_on,
        CASE WHEN t.state <> 'pending' THEN
          (SELECT s.error FROM subtasks s WHERE s.task_id = t.id AND s.state = 'failed' AND ${isPlanned('s')}
            ORDER BY s.ended_at LIMIT 1) END AS first_failure
      FROM heads t
      LEFT JOIN LATERAL (
        SELECT json_agg(json_build_object('id', s.id::text, 'kind', s.kind, 'state', s.state, 'error', s.error,
          'attempt', s.attempt, 'execId', s.exec_id,
          'runsForMs', CASE WHEN s.state = 'running' THEN extract(epoch FROM clock_timestamp() - s.started_at) * 1000 END) ORDER BY s.id) AS controls
        FROM subtasks s WHERE s.task_id = t.id AND ${isControl('s')}
      ) c ON true
      LEFT JOIN LATERAL (
        SELECT ARRAY(SELECT s.exec_id FROM subtasks s
          WHERE s.task_id = t.id AND s.state IN ('pending', 'paused') AND ${isPlanned('s')} AND s.step = t.step
            AND s.plan_attempt = t.plan_attempt
          ORDER BY s.kind, s.step, s.plan_attempt, s.ordinal
          LIMIT (SELECT count(*) FROM nodes WHERE state = 'live')) AS pending_on
        OFFSET 0
      ) remaining ON t.state IN ('running', 'modifying') AND t.step IS NOT NULL
      ORDER BY t.priority, t.created_at, t.id`;
    const rows = await readPrepared(db, statement);
    return toScheduledTasks(rows);
  } catch (thrown) {
    throw storeError(thrown);
  }
}

/** A task that is overdue may have been read twice: in its turn too. */
function toScheduledTasks(rows: readonly SnapshotRow[]): readonly ScheduledTask[] {
  const readOf = Map.groupBy(
    rows.filter((row) => row.queue_most !== null),
    (row) => row.queue,
  );
  const tasks = new Map<string, ScheduledTask>();
  for (const row of rows) {
    if (tasks.has(row.id)) continue;
    const heads = readOf.get(row.queue) ?? [];
    const hasMore = heads.length > 0 && heads.length >= Number(heads[0]?.queue_most);
    tasks.set(row.id, toScheduledTask(row, row.queue === '' ? null : { name: row.queue, hasMore }));
  }
  return [...tasks.values()];
}

function toScheduledTask(row: SnapshotRow, queue: TaskQueue | null): ScheduledTask {
  const controls = row.controls ?? [];
  return {
    id: taskId(row.id),
    state: row.state,
    type: row.type,
    typeVersion: row.type_version,
    priority: row.priority,
    createdAtMs: row.created_at_ms,
    scope: row.scope,
    selectors: row.selectors,
    slots: row.slots,
    maxNodes: row.max_nodes,
    onFailure: row.on_failure as OnFailure,
    step: row.step,
    isValidated: row.is_validated,
    stepPlacement: row.step_placement,
    isPrepared: row.is_prepared,
    hookRan: row.step !== null || row.is_prepared || controls.some((control) => control.attempt > 0),
    reserved: row.reserved_nodes as NodeId[],
    waiting: row.waiting,
    controls: controls.map(({ id, kind, state, error, execId, runsForMs }) => ({
      id,
      kind,
      state,
      error,
      execId,
      runsForMs,
    })),
    hasGates: row.has_gates,
    hasPending: row.has_pending,
    hasRunning: row.has_running,
    remaining: remainingOf(row),
    firstFailure: row.first_failure,
    doFailuresPause: row.do_failures_pause,
    modification: row.modification,
    isOverdue: row.is_overdue,
    isForced: row.is_forced,
    queue,
  };
}

/** Of a step that is over nothing is said: until the next one is planned its task reserves as before the first. */
function remainingOf({ pending_on: pending, running_on: running }: SnapshotRow): RemainingWork | null {
  if (pending === null || running === null || pending.length + running.length === 0) return null;
  return { pending: pending.map((id) => (id === NO_NODE ? null : (id as NodeId))), running: running as NodeId[] };
}
