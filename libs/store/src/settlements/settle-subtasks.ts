import { isPlannedKind, stopReasonOf, TaskState, type CrashRecord, type ErrorData } from '@longshore/core';
import { sql, type RawBuilder } from 'kysely';
import { claimedWork, workClaim, type ClaimedSubtask } from '../claims/claim-subtasks.ts';
import { holderLock, lockAsHolder, nodeLock, type NodeIdentity, type SubtaskAttempt } from '../claims/holder.ts';
import { archiveSubtasks, moveToHistory } from './move-to-history.ts';
import type { KeptProgress } from '../schema/database.ts';
import { rowPlaces } from './row-place.ts';
import { pageInsertion, type PlannedPage } from '../plans/plan-pages.ts';
import { instant, recordEvents } from '../tasks/record-event.ts';
import { storableText } from '../tasks/storable-text.ts';
import type { TaskEvent } from '../tasks/task-event.ts';
import { findUnfinished, stepStart, type StoredPlanResult } from '../plans/step-start.ts';
import { allTogether, inTransaction, type Commit, type Db, type Tx } from '../session/transactions.ts';
import { lockTasks, type LockedTask } from '../tasks/transition-task.ts';

/** How a holder settles its subtask. */
export type Settlement = SubtaskAttempt & {
  readonly taskId: string;
  readonly kind: string;
  /** Rows and bytes done, for the task's progress. */
  readonly rows: number;
  readonly bytes: number;
  /** What the next attempt begins with. Default: as before. */
  readonly kept?: KeptProgress | null;
} & (
    | {
        readonly how: 'succeed';
        readonly result: unknown;
        /** For a plan: its last page, which is written with it. */
        readonly planned?: PlannedPage | null;
        /**
         * For a plan: makes its step the current one in the same transaction, if the task still waits for it. Otherwise, and where this
         * is left out, the plan stays for the owner.
         */
        readonly startsStep?: boolean;
        /** How many of that step's subtasks to claim for this node in the same transaction, at most. Default: none. */
        readonly claim?: number;
      }
    | { readonly how: 'fail'; readonly error: ErrorData }
    /** Its task doesn't want it any more; what becomes of it is decided by the task's state under its lock. */
    | { readonly how: 'cancel' }
    /** It waits with its checkpoint until its task is resumed. */
    | { readonly how: 'pause' }
    | { readonly how: 'release'; readonly reason: string }
    /** It was claimed ahead and never started. It is handed back as if it had not been claimed, and leaves no event. */
    | { readonly how: 'hand-back'; readonly reason: string }
    /** It gave its slots back because it would only wait: not a failure, and no event. */
    | {
        readonly how: 'postpone';
        readonly code: string;
        readonly message: string;
        readonly afterMs: number;
        /** For how long its target has been away, in milliseconds. Default: that is not what it waits for. */
        readonly awayForMs?: number;
      }
    | {
        readonly how: 'retry';
        readonly error: ErrorData;
        readonly afterMs: number;
        /** What it is suspected of now that it crashed its own process: counted there, and not as a failure. Default: it did not. */
        readonly crashes?: CrashRecord;
      }
  );

/** What became of each settlement: written, or refused because the holder had lost the row. */
export interface SettleResult {
  readonly written: readonly string[];
  /** Ids whose row is somebody else's by now: the caller stops, logs and counts. */
  readonly lost: readonly string[];
  /** Tasks whose planned step has become the current one, with the nodes that they have. */
  readonly started: ReadonlyMap<string, readonly string[]>;
  /** Subtasks of those steps that this node has claimed. */
  readonly claimed: readonly ClaimedSubtask[];
}

/**
 * Writes how subtasks ended, in one transaction; each only while this attempt is its holder. Succeeded work moves into
 * history at once, so that no million-row clean-up comes later; failed work and control subtasks stay for the owner to see.
 *
 * @param lockTimeoutMs longest wait for a lock, in milliseconds; then Postgres's error 55P03, and nothing is written. Default: the session's, 10,000.
 */
export async function settleSubtasks(
  db: Db,
  node: NodeIdentity,
  settlements: readonly Settlement[],
  lockTimeoutMs?: number,
): Promise<SettleResult> {
  if (settlements.length === 0) return { written: [], lost: [], started: new Map(), claimed: [] };
  if (settlements.every(isSucceededWork)) return settleSucceeded(db, node, settlements, lockTimeoutMs);
  const settle = async (tx: Tx, commit: Commit): Promise<SettleResult> => {
    const taskIds = [...new Set(settlements.filter(needsItsTask).map((one) => one.taskId))];
    // Tasks are locked before subtasks.
    const planned = settlements.filter(mayStartStep).map((one) => one.taskId);
    // For the claims of what is started; in their order, which has the node before the tasks.
    const holding = planned.length === 0 ? null : nodeLock(node).execute(tx);
    const locking = taskIds.length === 0 ? new Map<string, LockedTask>() : lockTasks(tx, taskIds);
    const [, tasks, ownIds, unfinished] = await allTogether([
      holding,
      locking,
      lockAsHolder(tx, node, settlements),
      findUnfinished(tx, planned),
    ]);
    const written = settlements.filter((one) => ownIds.has(one.id)).map((one) => asItsTaskWants(one, tasks));
    await writeKept(tx, written);
    for (const one of written) await writeException(tx, one);
    await writeEvents(tx, node, written);
    const starts = startsOf(written, tasks, unfinished);
    const pages = plannedWrites(written);
    const rest = written.filter((one) => !starts.has(one));
    const claim = claimsOf(node, starts);
    const answers = await commit<unknown>(
      [...pages, ...startWrites(node, starts), ...succeededWrites(node, rest), ...returnedWrites(written), ...claim],
      pages.length > 0 ? 'plan.page-before-commit' : 'settle.before-commit',
    );
    return {
      written: written.map((one) => one.id),
      lost: settlements.filter((one) => !ownIds.has(one.id)).map((one) => one.id),
      started: new Map([...starts.values()].map((task) => [task.id, task.reservedNodes])),
      claimed: claim.length === 0 ? [] : claimedWork(answers.at(-1)?.rows ?? []),
    };
  };
  return inTransaction(db, settle, lockTimeoutMs);
}

/** A plan with something to do, on the nodes that its task has, whose holder asked for its step to be started with its end. */
function mayStartStep(one: Settlement): one is Succeeded & { readonly result: StoredPlanResult } {
  if (one.how !== 'succeed' || one.kind !== 'plan' || one.startsStep !== true) return false;
  const { step, subtasks, placement } = one.result as StoredPlanResult;
  return step !== null && subtasks > 0 && placement == null;
}

/** Plans whose tasks wait for them now, under their locks. */
function startsOf(
  written: readonly Settlement[],
  tasks: ReadonlyMap<string, LockedTask>,
  unfinished: ReadonlySet<string>,
): ReadonlyMap<Settlement, LockedTask> {
  return new Map(
    written.flatMap((one): [Settlement, LockedTask][] => {
      const task = tasks.get(one.taskId);
      const isAwaited = task?.state === TaskState.pending || task?.state === TaskState.running;
      return task !== undefined && isAwaited && mayStartStep(one) && !unfinished.has(task.id) ? [[one, task]] : [];
    }),
  );
}

function claimsOf(node: NodeIdentity, starts: ReadonlyMap<Settlement, LockedTask>): RawBuilder<unknown>[] {
  const requests = [...starts.keys()].flatMap((one) =>
    mayStartStep(one) && (one.claim ?? 0) > 0 ? [{ taskId: one.taskId, limit: one.claim ?? 0, afterOrdinal: 0 }] : [],
  );
  return requests.length === 0 ? [] : [workClaim(node, requests)];
}

function startWrites(node: NodeIdentity, starts: ReadonlyMap<Settlement, LockedTask>): RawBuilder<unknown>[] {
  if (starts.size === 0) return [];
  const plans = [...starts.keys()].filter(mayStartStep);
  const actor = `executor ${node.id}`;
  return [
    ...[...starts].flatMap(([plan, task]) => (mayStartStep(plan) ? stepStart(task, plan.result, actor) : [])),
    moveToHistory(node, plans, 'plan'),
  ];
}

/**
 * Most of all settlements are of work that succeeded: nothing of them is decided here, so it takes one trip. The second statement's snapshot
 * is newer than the wait of the first, and it names the attempts again.
 */
async function settleSucceeded(
  db: Db,
  node: NodeIdentity,
  done: readonly Succeeded[],
  lockTimeoutMs: number | undefined,
): Promise<SettleResult> {
  const settle = async (_: Tx, commit: Commit): Promise<SettleResult> => {
    const locking = sql<{ id: string }>`WITH own AS (${holderLock(node, done)}) SELECT min(id)::text AS id FROM own`;
    const [, moved] = await commit([locking, moveToHistory(node, done)], 'settle.before-commit');
    const ids = new Set(moved?.rows.map((row) => row.id));
    return {
      written: done.filter((one) => ids.has(one.id)).map((one) => one.id),
      lost: done.filter((one) => !ids.has(one.id)).map((one) => one.id),
      started: new Map(),
      claimed: [],
    };
  };
  return inTransaction(db, settle, lockTimeoutMs);
}

/** Exceptions leave events, numbered under the task's row; a plan's page is written only while the task wants it. */
function needsItsTask(one: Settlement): boolean {
  return (
    one.how === 'fail' ||
    one.how === 'retry' ||
    one.how === 'release' ||
    one.how === 'cancel' ||
    one.how === 'pause' ||
    hasPage(one) ||
    mayStartStep(one)
  );
}

function hasPage(one: Settlement): one is Succeeded & { readonly planned: PlannedPage } {
  return one.how === 'succeed' && one.planned !== undefined && one.planned !== null;
}

/**
 * What a settlement comes to for the state that its task has now: a plan whose task was cancelled or paused meanwhile is over and its
 * last page is not written; what was stopped for a state that has passed goes back.
 */
function asItsTaskWants(one: Settlement, tasks: ReadonlyMap<string, LockedTask>): Settlement {
  const isStopped = one.how === 'cancel' || one.how === 'pause';
  if (!isStopped && !hasPage(one)) return one;
  const reason = stopReasonOf(one.kind, tasks.get(one.taskId)?.state ?? 'gone');
  if (reason === null && !isStopped) return one;
  const { id, attempt, taskId, kind, rows, bytes, kept = null } = one;
  const base = { id, attempt, taskId, kind, rows, bytes, kept };
  return reason === null ? { ...base, how: 'hand-back', reason: one.how } : { ...base, how: reason };
}

function plannedWrites(settlements: readonly Settlement[]): RawBuilder<unknown>[] {
  return settlements
    .filter(hasPage)
    .map(({ planned: { step, rows }, ...plan }) => pageInsertion({ ...plan, step }, rows));
}

type Succeeded = Settlement & { readonly how: 'succeed' };

function isSucceededWork(one: Settlement): one is Succeeded {
  return one.how === 'succeed' && isPlannedKind(one.kind);
}

function succeededWrites(node: NodeIdentity, settlements: readonly Settlement[]): RawBuilder<unknown>[] {
  const done = settlements.filter((one) => one.how === 'succeed');
  const controls = done.filter((one) => !isPlannedKind(one.kind));
  const work = done.filter((one) => isPlannedKind(one.kind));
  return [
    ...(controls.length > 0 ? [keptSuccess(controls)] : []),
    ...(work.length > 0 ? [moveToHistory(node, work)] : []),
  ];
}

/** Succeeded control subtasks stay until the owner has taken their results. */
function keptSuccess(done: readonly Succeeded[]): RawBuilder<unknown> {
  return sql`
    UPDATE subtasks s SET state = 'succeed', waiting = NULL, result = d.result, rows = d.rows, bytes = d.bytes, ended_at = clock_timestamp()
    FROM unnest(
      ${done.map((one) => one.id)}::bigint[],
      ${done.map((one) => (one.result === undefined ? null : JSON.stringify(one.result)))}::json[],
      ${done.map((one) => one.rows)}::bigint[],
      ${done.map((one) => one.bytes)}::bigint[]
    ) AS d(id, result, rows, bytes) ${rowPlaces('d')}
    WHERE s.ctid = row.place`;
}

/** Hands rows back in one statement: a stopping node may have claimed hundreds ahead. */
function returnedWrites(settlements: readonly Settlement[]): RawBuilder<unknown>[] {
  const returned = settlements.filter((one) => one.how === 'release' || one.how === 'hand-back' || one.how === 'pause');
  if (returned.length === 0) return [];
  const reasons = returned.map((one) => (one.how === 'pause' ? 'pause' : storableText(one.reason)));
  const states = returned.map((one) => (one.how === 'pause' ? 'paused' : 'pending'));
  const write = sql`
    UPDATE subtasks s SET state = r.state, node_epoch = NULL, reason = r.reason, waiting = NULL
    FROM unnest(${returned.map((one) => one.id)}::bigint[], ${states}::text[], ${reasons}::text[]) AS r(id, state, reason)
      ${rowPlaces('r')}
    WHERE s.ctid = row.place`;
  return [write];
}

/** What attempts leave to the next ones, also to those of a task that is undone: it may go on after all. */
async function writeKept(tx: Tx, settlements: readonly Settlement[]): Promise<void> {
  const keeping = settlements.filter(({ how, kept }) => how !== 'succeed' && kept != null);
  if (keeping.length === 0) return;
  await sql`
    UPDATE subtasks s SET kept = p.kept::json
    FROM unnest(${keeping.map((one) => one.id)}::bigint[], ${keeping.map((one) => JSON.stringify(one.kept))}::text[]) AS p(id, kept)
      ${rowPlaces('p')}
    WHERE s.ctid = row.place`.execute(tx);
}

async function writeException(tx: Tx, one: Settlement): Promise<void> {
  switch (one.how) {
    case 'succeed':
    case 'pause':
    case 'release':
    case 'hand-back':
      return;
    case 'fail':
      await sql`
        UPDATE subtasks SET state = 'failed', failures = failures + 1, waiting = NULL, error = ${JSON.stringify(one.error)}::json,
          rows = ${one.rows}, bytes = ${one.bytes}, ended_at = clock_timestamp()
        WHERE id = ${one.id}`.execute(tx);
      return;
    case 'cancel':
      await archiveSubtasks(tx, [one.id]);
      return;
    case 'postpone': {
      const since = sql`clock_timestamp() - ${`${one.awayForMs ?? 0} milliseconds`}::interval`;
      await sql`
        UPDATE subtasks SET state = 'pending', node_epoch = NULL, reason = 'postponed',
          away_since = ${one.awayForMs === undefined ? sql`NULL` : since},
          not_before = clock_timestamp() + ${`${one.afterMs} milliseconds`}::interval,
          waiting = json_build_object('code', ${storableText(one.code)}::text, 'message', ${storableText(one.message)}::text,
            'since', ${instant(since)})
        WHERE id = ${one.id}`.execute(tx);
      return;
    }
    case 'retry':
      await sql`
        UPDATE subtasks SET state = 'pending', node_epoch = NULL, failures = failures + ${one.crashes === undefined ? 1 : 0},
          crashes = coalesce(${one.crashes === undefined ? null : JSON.stringify(one.crashes)}::json, crashes), error = ${JSON.stringify(one.error)}::json, reason = 'retry',
          not_before = clock_timestamp() + ${`${one.afterMs} milliseconds`}::interval,
          waiting = json_build_object('code', 'RETRY', 'since', ${instant(sql`clock_timestamp()`)}, 'message',
            ${storableText(`${one.error.code}: ${one.error.message}; tried again at `)} ||
            ${instant(sql`clock_timestamp() + ${`${one.afterMs} milliseconds`}::interval`)})
        WHERE id = ${one.id}`.execute(tx);
      return;
  }
}

async function writeEvents(tx: Tx, node: NodeIdentity, settlements: readonly Settlement[]): Promise<void> {
  const byTask = Map.groupBy(settlements, (one) => one.taskId);
  for (const [taskId, group] of [...byTask].toSorted(([a], [b]) => (BigInt(a) < BigInt(b) ? -1 : 1))) {
    const events = group.flatMap((one): TaskEvent[] => {
      const event = { actor: `executor ${node.id}`, subtaskId: one.id, from: 'running' };
      if (one.how === 'fail')
        return [{ ...event, kind: 'subtask-failed', to: 'failed', message: `${one.error.code}: ${one.error.message}` }];
      if (one.how === 'retry')
        return [{ ...event, kind: 'subtask-retry', to: 'pending', message: `${one.error.code}: ${one.error.message}` }];
      if (one.how === 'release') return [{ ...event, kind: 'subtask-released', to: 'pending', message: one.reason }];
      return [];
    });
    await recordEvents(tx, taskId, events);
  }
}
