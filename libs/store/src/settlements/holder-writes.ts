import type { CrashRecord, Summary } from '@longshore/core';
import { sql, type RawBuilder } from 'kysely';
import { attemptsById, holderLock, runsOn, type NodeIdentity, type SubtaskAttempt } from '../claims/holder.ts';
import type { KeptProgress } from '../schema/database.ts';
import { LOOK_LOCK_MS, untilUnlocked, writtenOr, type PassingWrite } from '../session/look-again.ts';
import { fromStore } from '../session/open-store.ts';
import { rowPlaces } from './row-place.ts';
import { instant } from '../tasks/record-event.ts';
import { storableText } from '../tasks/storable-text.ts';
import { inTransaction, type Db, type Tx } from '../session/transactions.ts';

/** Whether the row `s` is the holder's. Looked up by its key, see {@link runsOn}. */
function isOwn(node: NodeIdentity, { id, attempt }: SubtaskAttempt): RawBuilder<boolean> {
  return sql<boolean>`(s.id = ${id} AND s.attempt = ${attempt} AND ${runsOn(node)})`;
}

/**
 * Stores a checkpoint while this attempt is the subtask's holder. While somebody else has locked the row it waits without a session.
 *
 * @param also `crashes`: what it is suspected of from then on; null: of nothing. `kept`: the progress that the checkpoint has. Default: as before.
 * @returns false: it is not the holder any more.
 */
export async function saveCheckpoint(
  db: Db,
  node: NodeIdentity,
  own: SubtaskAttempt,
  checkpoint: unknown,
  { crashes, kept }: { readonly crashes?: CrashRecord | null | undefined; readonly kept?: KeptProgress } = {},
): Promise<boolean> {
  const suspicion = crashes == null ? null : JSON.stringify(crashes);
  const statement = sql<PassingWrite>`
    WITH own AS MATERIALIZED (SELECT s.id FROM subtasks s WHERE ${isOwn(node, own)} FOR NO KEY UPDATE SKIP LOCKED),
    written AS (
      UPDATE subtasks SET checkpoint = ${JSON.stringify(checkpoint)}::json
        ${crashes === undefined ? sql`` : sql`, crashes = ${suspicion}::json`}
        ${kept === undefined ? sql`` : sql`, kept = ${JSON.stringify(kept)}::json`}
      WHERE id = ANY(ARRAY(SELECT id FROM own)) RETURNING id)
    SELECT EXISTS (SELECT 1 FROM written) AS is_written, EXISTS (SELECT 1 FROM subtasks s WHERE ${isOwn(node, own)}) AS is_own`;
  return untilUnlocked(() => passing(db, statement));
}

/** Makes a write that passes over what others have locked. @returns whether it was written; null: the row is locked. */
async function passing(db: Db, statement: RawBuilder<PassingWrite>): Promise<boolean | null> {
  const { rows } = await fromStore(statement.execute(db));
  return rows[0] === undefined ? false : writtenOr(rows[0]);
}

/**
 * Raises the attempt of one's own subtask past a number, because a target's ledger has seen that number: the store was restored from an older
 * state, and counts anew. While somebody else has locked the row it waits without a session.
 *
 * @returns the new attempt, or null when the subtask has another holder: then the newer attempt is that holder's.
 */
export async function raiseAttempt(
  db: Db,
  node: NodeIdentity,
  own: SubtaskAttempt,
  past: number,
): Promise<number | null> {
  const raise = async (tx: Tx): Promise<number> => {
    const raised = await sql<{ attempt: number }>`
      UPDATE subtasks s SET attempt = ${past} + 1 WHERE ${isOwn(node, own)} AND s.attempt <= ${past} RETURNING s.attempt`.execute(
      tx,
    );
    return raised.rows[0]?.attempt ?? 0;
  };
  const attempt = await untilUnlocked(() => inTransaction(db, raise, LOOK_LOCK_MS));
  return attempt === 0 ? null : attempt;
}

/**
 * Notes that the revert of a task begins to undo it, while this attempt is the revert's holder. From then on the task can't go on. While somebody
 * else has locked the task's row it waits without a session.
 *
 * @returns false: somebody else has the revert.
 */
export async function beginUndo(db: Db, node: NodeIdentity, revert: SubtaskAttempt): Promise<boolean> {
  const task = sql`(SELECT s.task_id FROM subtasks s WHERE ${isOwn(node, revert)} AND s.kind = 'revert')`;
  const statement = sql<PassingWrite>`
    WITH own AS MATERIALIZED (SELECT t.id FROM tasks t WHERE t.id = ${task} FOR NO KEY UPDATE SKIP LOCKED),
    written AS (UPDATE tasks SET undo_began = true WHERE id = ANY(ARRAY(SELECT id FROM own)) RETURNING id)
    SELECT EXISTS (SELECT 1 FROM written) AS is_written, EXISTS (SELECT 1 FROM tasks t WHERE t.id = ${task}) AS is_own`;
  return untilUnlocked(() => passing(db, statement));
}

/** How far a running subtask is. */
export interface AttemptProgress extends SubtaskAttempt {
  readonly rows: number;
  readonly bytes: number;
  /** What its next attempt would begin with. Default: as before. */
  readonly kept?: KeptProgress | null | undefined;
  /** What it is doing, in its own words. Default: nothing is known. */
  readonly phase?: string | null | undefined;
  /** What it has counted in its attempt. Default: nothing. */
  readonly summary?: Summary | undefined;
  /** What it waits for, and for how long already. Default: nothing. */
  readonly waiting?: { readonly code: string; readonly message: string; readonly forMs: number } | null | undefined;
}

/** A phase is a few words; in characters. */
const MAX_PHASE = 200;

/**
 * Stores how far running subtasks are, what they do and what they wait for, one write for all of a node. A reason with the same code keeps its
 * time. Rows that somebody has locked are passed over: no other waits for them.
 *
 * @returns ids that this node has lost.
 */
export async function saveProgress(
  db: Db,
  node: NodeIdentity,
  progress: readonly AttemptProgress[],
): Promise<readonly string[]> {
  if (progress.length === 0) return [];
  return inTransaction(db, async (tx) => {
    const locked = await holderLock(node, progress, true).execute(tx);
    const ownIds = new Set(locked.rows.map((row) => row.id));
    const own = progress.filter((one) => ownIds.has(one.id));
    await sql`
      UPDATE subtasks s SET rows = p.rows, bytes = p.bytes, kept = coalesce(p.kept::json, s.kept), phase = p.phase, summary = p.summary::jsonb,
        waiting = CASE WHEN p.code IS NOT NULL THEN json_build_object('code', p.code, 'message', p.message, 'since',
          CASE WHEN s.waiting->>'code' = p.code THEN s.waiting->>'since'
          ELSE ${instant(sql`clock_timestamp() - p.for_ms * interval '1 millisecond'`)} END) END
      FROM unnest(${own.map((one) => one.id)}::bigint[], ${own.map((one) => one.rows)}::bigint[],
        ${own.map((one) => one.bytes)}::bigint[], ${own.map((one) => one.waiting?.code ?? null)}::text[],
        ${own.map((one) => (one.waiting == null ? null : storableText(one.waiting.message)))}::text[],
        ${own.map((one) => one.waiting?.forMs ?? 0)}::float8[],
        ${own.map((one) => (one.phase == null ? null : storableText(one.phase).slice(0, MAX_PHASE)))}::text[],
        ${own.map((one) => summaryText(one.summary))}::text[],
        ${own.map((one) => (one.kept == null ? null : JSON.stringify(one.kept)))}::text[])
        AS p(id, rows, bytes, code, message, for_ms, phase, summary, kept) ${rowPlaces('p')}
      WHERE s.ctid = row.place`.execute(tx);
    return findLost(
      tx,
      node,
      progress.filter((one) => !ownIds.has(one.id)),
    );
  });
}

/** Which of these have another holder by now. The others were only locked by somebody: their progress comes with the next save. */
async function findLost(tx: Tx, node: NodeIdentity, missing: readonly SubtaskAttempt[]): Promise<readonly string[]> {
  if (missing.length === 0) return [];
  const held = await sql<{ id: string }>`
    SELECT own.id FROM ${attemptsById(missing)} CROSS JOIN LATERAL (
      SELECT s.id FROM subtasks s WHERE s.id = h.id AND s.attempt = h.attempt AND ${runsOn(node)} LIMIT 1) own`.execute(
    tx,
  );
  const ids = new Set(held.rows.map((row) => row.id));
  return missing.map((one) => one.id).filter((id) => !ids.has(id));
}

function summaryText(summary: Summary = {}): string | null {
  return Object.keys(summary).length === 0 ? null : JSON.stringify(summary);
}
