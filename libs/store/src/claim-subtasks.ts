import { isClaimable, type SubtaskKind } from '@longshore/core';
import { sql, type QueryResult, type RawBuilder } from 'kysely';
import { holdNode, type NodeIdentity } from './held-subtask.ts';
import { taskForRunner, toTaskForRunner, type TaskForRunner, type TaskRow } from './task-for-runner.ts';
import { inTransaction, type Db, type Tx } from './transactions.ts';

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
  readonly isIdempotent: boolean;
  readonly meta: unknown;
  readonly checkpoint: unknown;
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
  is_idempotent: boolean;
  meta: unknown;
  checkpoint: unknown;
}

/**
 * Claims pending subtasks of this node. The task rows are taken FOR KEY SHARE, which waits for an open transition and is
 * waited for by the next one, and what they say is read in a statement after that: nothing is claimed for a task that was
 * cancelled, paused or moved on. Claims of different executors don't wait for each other.
 *
 * @param controls control subtasks to claim, by id.
 * @param hinted tasks whose control subtasks to claim, whichever they are, but for those that read gates.
 * @throws {LongshoreError} NODE_FENCED when the node is not live under this epoch any more.
 */
export async function claimSubtasks(
  db: Db,
  node: NodeIdentity,
  requests: readonly ClaimRequest[],
  controls: readonly string[],
  hinted: readonly string[] = [],
): Promise<readonly ClaimedSubtask[]> {
  if (requests.length === 0 && controls.length === 0 && hinted.length === 0) return [];
  return inTransaction(db, async (tx, commit) => {
    // All tasks at once and before any subtask: taken one kind of work after the other, a claim deadlocked with whoever takes the
    // tasks by their ids.
    const [, tasks, targets] = await Promise.all([
      holdNode(tx, node),
      shareTasks(tx, [...requests.map((one) => one.taskId), ...hinted], controls),
      readControlTasks(tx, controls, hinted),
    ]);
    const wanted = targets.filter((row) => isClaimable(row.kind as SubtaskKind, tasks.get(row.task_id)?.state ?? ''));
    const claims = [workClaim(node, tasks, requests), controlsClaim(node, wanted)].filter((claim) => claim !== null);
    const reading = taskForRunner(wanted.map((row) => row.task_id));
    const answers = await commit<unknown>([...claims, ...(wanted.length > 0 ? [reading] : [])], 'claim.before-commit');
    const claimed = answers.slice(0, claims.length) as readonly QueryResult<ClaimRow>[];
    const read = (answers[claims.length]?.rows ?? []) as readonly TaskRow[];
    const taskOf = new Map(read.map((row) => [row.id, toTaskForRunner(row)]));
    return claimed
      .flatMap(({ rows }) => rows.toSorted((a, b) => a.ordinal - b.ordinal))
      .map((row) => ({
        id: row.id,
        taskId: row.task_id,
        kind: row.kind as SubtaskKind,
        step: row.step,
        planAttempt: row.plan_attempt,
        ordinal: row.ordinal,
        attempt: row.attempt,
        failures: row.failures,
        isIdempotent: row.is_idempotent,
        meta: row.meta,
        checkpoint: row.checkpoint,
        task: row.kind === 'work' ? null : (taskOf.get(row.task_id) ?? null),
      }));
  });
}

/** What a claim reads of a task, under its lock. */
interface SharedTask {
  id: string;
  state: string;
  step: string | null;
  plan_attempt: number;
  reserved_nodes: string[];
}

interface ControlTarget {
  id: string;
  task_id: string;
  kind: string;
}

type SharedTasks = ReadonlyMap<string, SharedTask>;

/** @param controls ids of control subtasks whose tasks are wanted too; whose they are never changes. */
async function shareTasks(tx: Tx, ids: readonly string[], controls: readonly string[]): Promise<SharedTasks> {
  const rows = await sql<SharedTask>`
    SELECT id, state, step, plan_attempt, reserved_nodes FROM tasks
    WHERE id = ANY(${ids}::bigint[] || ARRAY(SELECT task_id FROM subtasks WHERE id = ANY(${controls}::bigint[])))
    ORDER BY id FOR KEY SHARE`.execute(tx);
  return new Map(rows.rows.map((row) => [row.id, row]));
}

/** Whose the control subtasks are; that never changes, so it needs no lock. */
async function readControlTasks(
  tx: Tx,
  ids: readonly string[],
  hinted: readonly string[],
): Promise<readonly ControlTarget[]> {
  if (ids.length === 0 && hinted.length === 0) return [];
  const rows = await sql<ControlTarget>`
    SELECT id, task_id, kind FROM subtasks WHERE id = ANY(${ids}::bigint[])
    UNION SELECT id, task_id, kind FROM subtasks
    WHERE task_id = ANY(${hinted}::bigint[]) AND kind <> 'work' AND kind <> 'gates'`.execute(tx);
  return rows.rows;
}

function workClaim(
  node: NodeIdentity,
  tasks: SharedTasks,
  requests: readonly ClaimRequest[],
): RawBuilder<ClaimRow> | null {
  const walks = requests.flatMap((request) => {
    const task = tasks.get(request.taskId);
    const isWanted = task !== undefined && isClaimable('work', task.state) && task.reserved_nodes.includes(node.id);
    return isWanted ? [pendingOf(node, task, request)] : [];
  });
  return walks.length === 0 ? null : claimOf(node, sql.join(walks, sql` UNION ALL `));
}

/**
 * One walk of the claim index per task. A flat join or EXISTS looks the same and takes 85 to 480 ms beside a planned million; this
 * takes 0.1 to 0.3 ms. Each has a limit of its own that the planner can see: it takes a limit from a column for a tenth of the
 * task's rows. The collation of `step` is that of the index, and of no other.
 */
function pendingOf(node: NodeIdentity, task: SharedTask, request: ClaimRequest): ReturnType<typeof sql> {
  return sql`
    SELECT id FROM (
      SELECT id FROM subtasks
      WHERE exec_id = ${node.id} AND task_id = ${task.id} AND step COLLATE "C" = ${task.step}
        AND plan_attempt = ${task.plan_attempt} AND state = 'pending' AND kind = 'work' AND ordinal > ${request.afterOrdinal}
        AND (not_before IS NULL OR not_before <= clock_timestamp())
      ORDER BY ordinal LIMIT ${request.limit} FOR UPDATE SKIP LOCKED) walk`;
}

function controlsClaim(node: NodeIdentity, wanted: readonly ControlTarget[]): RawBuilder<ClaimRow> | null {
  if (wanted.length === 0) return null;
  return claimOf(
    node,
    sql`
      SELECT id FROM subtasks
      WHERE id = ANY(${wanted.map((row) => row.id)}::bigint[]) AND exec_id = ${node.id} AND state = 'pending'
        AND (not_before IS NULL OR not_before <= clock_timestamp())
      ORDER BY id FOR UPDATE SKIP LOCKED`,
  );
}

/** Makes the picked rows this node's. They are locked by being picked, and a locking CTE is carried out once. */
function claimOf(node: NodeIdentity, picked: RawBuilder<unknown>): RawBuilder<ClaimRow> {
  return sql<ClaimRow>`
    WITH picked AS (${picked})
    UPDATE subtasks s SET
      state = 'running', attempt = s.attempt + 1, node_epoch = ${node.epoch}, reason = NULL, not_before = NULL, waiting = NULL, phase = NULL,
      started_at = clock_timestamp()
    FROM picked WHERE s.id = picked.id
    RETURNING s.id, s.task_id, s.kind, s.step, s.plan_attempt, s.ordinal, s.attempt, s.failures, s.is_idempotent, s.meta, s.checkpoint`;
}
