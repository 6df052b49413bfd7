import { isPlannedKind, SUBTASK_KIND_NAMES, SUBTASK_KINDS, type CrashRecord, type SubtaskKind } from '@longshore/core';
import type { KeptProgress } from '../schema/database.ts';
import { sql, type RawBuilder } from 'kysely';
import { checkNodeLock, isLive, nodeLock, type NodeIdentity } from './holder.ts';
import { taskForRunner, toTaskForRunner, type TaskForRunner, type TaskRow } from './task-for-runner.ts';
import { inTransaction, type Commit, type Db, type Tx } from '../session/transactions.ts';
import { isPlanned, sharesPlaces } from '../schema/kind-predicates.ts';

/** How many work subtasks of a task to claim at most. */
export interface ClaimRequest {
  readonly taskId: string;
  readonly limit: number;
  /**
   * Claim only ordinals above this one: what is behind it was seen claimed. Skips the dead index entries that an old
   * snapshot elsewhere keeps alive; 0 looks at all.
   */
  readonly afterOrdinal: number;
}

export interface ClaimedSubtask {
  readonly id: string;
  readonly taskId: string;
  readonly kind: SubtaskKind;
  readonly step: string;
  readonly planAttempt: number;
  readonly ordinal: number;
  readonly attempt: number;
  readonly failures: number;
  /** For how long its target had been away when it was claimed, in milliseconds; null: it had not. */
  readonly awayForMs: number | null;
  readonly isIdempotent: boolean;
  readonly meta: unknown;
  readonly checkpoint: unknown;
  /** The progress that it begins with; null: none. */
  readonly kept: KeptProgress | null;
  /** What it is suspected of; null: nothing. */
  readonly crashes: CrashRecord | null;
  /** Its task as it is under the claim, for control subtasks: what a hook needs to know may have changed. Null for work. */
  readonly task: TaskForRunner | null;
}

interface ClaimRow {
  id: string;
  task_id: string;
  kind: string;
  step: string;
  plan_attempt: number;
  ordinal: number;
  attempt: number;
  failures: number;
  away_for_ms: number | null;
  is_idempotent: boolean;
  meta: unknown;
  checkpoint: unknown;
  kept: KeptProgress | null;
  crashes: CrashRecord | null;
}

/**
 * Claims pending subtasks of this node. The task rows are taken FOR KEY SHARE, which waits for an open transition and is
 * waited for by the next one, and what they say is read in a statement after that: nothing is claimed for a task that was
 * cancelled, paused or moved on. Claims of different executors don't wait for each other.
 *
 * All of it is one trip to the server: what the locks are taken for is decided by the statement behind them, whose snapshot is newer.
 *
 * @param controls control subtasks to claim, by id.
 * @param hinted tasks whose control subtasks to claim, whichever they are, of the kinds that share a node's places.
 * @param lockTimeoutMs longest wait for a task, in milliseconds; then Postgres's error 55P03. Default: the session's, 10,000.
 * @throws {LongshoreError} NODE_FENCED when the node is not live under this epoch any more.
 */
export async function claimSubtasks(
  db: Db,
  node: NodeIdentity,
  requests: readonly ClaimRequest[],
  controls: readonly string[],
  hinted: readonly string[] = [],
  lockTimeoutMs?: number,
): Promise<readonly ClaimedSubtask[]> {
  if (requests.length === 0 && controls.length === 0 && hinted.length === 0) return [];
  const ofControls = controls.length > 0 || hinted.length > 0;
  const picked = [
    ...requests.map((request) => pendingOf(node, request)),
    ...(ofControls ? [dueControls(node, controls, hinted)] : []),
  ];
  const claim = async (_: Tx, commit: Commit): Promise<readonly ClaimedSubtask[]> => {
    const [locked, , claimed, read] = await commit<unknown>(
      [
        nodeLock(node),
        // All tasks at once and before any subtask: taken one kind of work after the other, a claim deadlocked with whoever takes
        // the tasks by their ids.
        taskShare([...requests.map((one) => one.taskId), ...hinted], controls),
        claimOf(node, sql.join(picked, sql` UNION ALL `)),
        ...(ofControls ? [tasksOfClaimed(node, controls, hinted)] : []),
      ],
      'claim.before-commit',
    );
    checkNodeLock(node, locked);
    const taskOf = new Map(((read?.rows ?? []) as readonly TaskRow[]).map((row) => [row.id, toTaskForRunner(row)]));
    const rows = (claimed?.rows ?? []) as readonly ClaimRow[];
    return toClaimed(rows, taskOf);
  };
  return inTransaction(db, claim, lockTimeoutMs);
}

/** @param taskOf tasks of control subtasks. */
function toClaimed(rows: readonly ClaimRow[], taskOf: ReadonlyMap<string, TaskForRunner>): readonly ClaimedSubtask[] {
  return rows
    .toSorted((a, b) => a.ordinal - b.ordinal)
    .map((row) => ({
      id: row.id,
      taskId: row.task_id,
      kind: row.kind as SubtaskKind,
      step: row.step,
      planAttempt: row.plan_attempt,
      ordinal: row.ordinal,
      attempt: row.attempt,
      failures: row.failures,
      awayForMs: row.away_for_ms,
      isIdempotent: row.is_idempotent,
      meta: row.meta,
      checkpoint: row.checkpoint,
      kept: row.kept,
      crashes: row.crashes,
      task: isPlannedKind(row.kind) ? null : (taskOf.get(row.task_id) ?? null),
    }));
}

/**
 * Claims work in a transaction of somebody else's that holds the node ({@link nodeLock}) and the tasks, in a statement behind those locks.
 * {@link claimedWork} reads its answer.
 */
export function workClaim(node: NodeIdentity, requests: readonly ClaimRequest[]): RawBuilder<unknown> {
  return claimOf(
    node,
    sql.join(
      requests.map((request) => pendingOf(node, request)),
      sql` UNION ALL `,
    ),
  );
}

/** What a {@link workClaim} has claimed. */
export function claimedWork(rows: readonly unknown[]): readonly ClaimedSubtask[] {
  return toClaimed(rows as readonly ClaimRow[], new Map());
}

/** @param controls ids of control subtasks whose tasks are wanted too; whose they are never changes. */
function taskShare(ids: readonly string[], controls: readonly string[]): RawBuilder<unknown> {
  return sql`
    SELECT 1 FROM tasks
    WHERE id = ANY(${ids}::bigint[] || ARRAY(SELECT task_id FROM subtasks WHERE id = ANY(${controls}::bigint[])))
    ORDER BY id FOR KEY SHARE`;
}

const isDue = sql`(s.not_before IS NULL OR s.not_before <= clock_timestamp())`;

/**
 * One walk of the claim index per task. A flat join or EXISTS looks the same and takes 85 to 480 ms beside a planned million; this
 * takes 0.1 to 0.3 ms. Each has a limit of its own that the planner can see: it takes a limit from a column for a tenth of the
 * task's rows. The collation of `step` is that of the index, and of no other.
 */
function pendingOf(node: NodeIdentity, request: ClaimRequest): RawBuilder<unknown> {
  return sql`
    SELECT walk.id FROM tasks t CROSS JOIN LATERAL (
      SELECT s.id FROM subtasks s
      WHERE s.exec_id = ${node.id} AND s.task_id = t.id AND s.step COLLATE "C" = t.step
        AND s.plan_attempt = t.plan_attempt AND s.state = 'pending' AND ${isPlanned('s')} AND s.ordinal > ${request.afterOrdinal}
        AND ${isDue}
      ORDER BY s.ordinal LIMIT ${request.limit} FOR UPDATE SKIP LOCKED) walk
    WHERE t.id = ${request.taskId} AND t.state = ANY(${SUBTASK_KINDS.work.claimableIn}::text[]) AND ${node.id} = ANY(t.reserved_nodes)
      AND ${isLive(node)}`;
}

/** Which kind is claimable in which state of its task, as one text each. */
const CLAIMABLE_PAIRS: readonly string[] = SUBTASK_KIND_NAMES.flatMap((kind) =>
  SUBTASK_KINDS[kind].claimableIn.map((state) => `${kind} ${state}`),
);

function dueControls(node: NodeIdentity, controls: readonly string[], hinted: readonly string[]): RawBuilder<unknown> {
  return sql`
    SELECT due.id FROM (
      SELECT s.id FROM subtasks s JOIN tasks t ON t.id = s.task_id
      WHERE s.id = ANY(${namedControls(controls, hinted)}) AND s.exec_id = ${node.id} AND s.state = 'pending' AND ${isDue}
        AND s.kind || ' ' || t.state = ANY(${CLAIMABLE_PAIRS}::text[]) AND ${isLive(node)}
      ORDER BY s.id FOR UPDATE OF s SKIP LOCKED) due`;
}

/** Ids of the control subtasks that were asked for; that they are and whose never changes, so it needs no lock. */
function namedControls(controls: readonly string[], hinted: readonly string[]): RawBuilder<unknown> {
  return sql`ARRAY(
    SELECT id FROM unnest(${controls}::bigint[]) AS id
    UNION SELECT id FROM subtasks WHERE task_id = ANY(${hinted}::bigint[]) AND ${sharesPlaces()})`;
}

/** The tasks of control subtasks that have just been claimed. */
function tasksOfClaimed(
  node: NodeIdentity,
  controls: readonly string[],
  hinted: readonly string[],
): RawBuilder<TaskRow> {
  return taskForRunner(sql`ARRAY(
    SELECT s.task_id FROM subtasks s
    WHERE s.id = ANY(${namedControls(controls, hinted)}) AND s.exec_id = ${node.id} AND s.state = 'running')`);
}

/**
 * Makes the picked rows this node's. They are locked by being picked, and a locking CTE is carried out once. Joined with it instead of named by
 * an array, a table that was not analysed is walked once for each row.
 */
function claimOf(node: NodeIdentity, picked: RawBuilder<unknown>): RawBuilder<ClaimRow> {
  return sql<ClaimRow>`
    WITH picked AS (${picked})
    UPDATE subtasks s SET
      state = 'running', attempt = s.attempt + 1, node_epoch = ${node.epoch}, reason = NULL, not_before = NULL, waiting = NULL, phase = NULL,
      summary = NULL,
      started_at = clock_timestamp()
    WHERE s.id = ANY(ARRAY(SELECT id FROM picked))
    RETURNING s.id, s.task_id, s.kind, s.step, s.plan_attempt, s.ordinal, s.attempt, s.failures,
      date_part('epoch', clock_timestamp() - s.away_since) * 1000 AS away_for_ms, s.is_idempotent, s.meta, s.checkpoint, s.kept, s.crashes`;
}
