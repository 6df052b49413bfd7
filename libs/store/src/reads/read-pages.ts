import type { CrashRecord, ErrorData, Principal, Summary } from '@longshore/core';
import { sql } from 'kysely';
import type { StoredReason } from '../schema/database.ts';
import { storeError } from '../session/open-store.ts';
import type { Db } from '../session/transactions.ts';
import { waitingNow } from './waiting-now.ts';

export interface StoredEvent {
  readonly seq: number;
  readonly at: Date;
  /** The service that wrote it. */
  readonly actor: string;
  /** Who asked for it; null: nobody, or nobody was named. */
  readonly principal: Principal | null;
  readonly kind: string;
  readonly from: string | null;
  readonly to: string | null;
  /** That of the first, when it stands for several. */
  readonly subtaskId: string | null;
  /** That of the last, when it stands for several. */
  readonly message: string | null;
  /** How many events of its kind it stands for. */
  readonly events: number;
  /** When the last of them was; null: it is the only one. */
  readonly lastAt: Date | null;
}

/** A task's events after a number, in order. */
export async function readEvents(
  db: Db,
  taskId: string,
  after: number,
  limit: number,
): Promise<readonly StoredEvent[]> {
  try {
    const rows = await db
      .selectFrom('task_events')
      .selectAll()
      .where('task_id', '=', taskId)
      .where('seq', '>', after)
      .orderBy('seq')
      .limit(limit)
      .execute();
    return rows.map((row) => ({
      seq: row.seq,
      at: row.at,
      actor: row.actor,
      principal: row.principal,
      kind: row.kind,
      from: row.from_state,
      to: row.to_state,
      subtaskId: row.subtask_id,
      message: row.message,
      events: row.events,
      lastAt: row.last_at,
    }));
  } catch (thrown) {
    throw storeError(thrown);
  }
}

export interface StoredSubtask {
  readonly id: string;
  readonly kind: string;
  readonly step: string;
  readonly ordinal: number;
  readonly state: string;
  readonly node: string;
  readonly attempt: number;
  readonly failures: number;
  readonly rows: number;
  readonly bytes: number;
  readonly error: ErrorData | null;
  /** What it is doing, in its own words; null: it doesn't say, or doesn't run. */
  readonly phase: string | null;
  /** What its attempt has counted so far; null: nothing, or it doesn't run. */
  readonly summary: Summary | null;
  /** What it waits for; null: nothing, or it has ended. */
  readonly waiting: StoredReason | null;
  /** Nodes on which processes crashed that it ran in; null: none, or it has ended. */
  readonly crashes: Pick<CrashRecord, 'nodes' | 'alone'> | null;
  readonly startedAt: Date | null;
  readonly endedAt: Date | null;
}

interface SubtaskRow {
  id: string;
  kind: string;
  step: string;
  ordinal: number;
  state: string;
  exec_id: string;
  attempt: number;
  failures: number;
  rows: string;
  bytes: string;
  error: ErrorData | null;
  waiting: StoredReason | null;
  crashes: CrashRecord | null;
  phase: string | null;
  summary: Summary | null;
  started_at: Date | null;
  ended_at: Date | null;
}

/** Which of a task's subtasks; what is absent takes all. */
export interface SubtaskFilter {
  readonly states?: readonly string[] | undefined;
  readonly step?: string | undefined;
}

/** A task's subtasks of all kinds after an id, in order of their ids, active and archived. */
export async function readSubtasks(
  db: Db,
  taskId: string,
  after: string,
  limit: number,
  filter: SubtaskFilter = {},
): Promise<readonly StoredSubtask[]> {
  const columns = sql.raw(
    'id, kind, step, ordinal, state, exec_id, attempt, failures, rows, bytes, error, started_at, ended_at',
  );
  const fits = sql`task_id = ${taskId} AND id > ${after}
    AND (${filter.states ?? null}::text[] IS NULL OR state = ANY(${filter.states ?? null}::text[]))
    AND (${filter.step ?? null}::text IS NULL OR step = ${filter.step ?? null})`;
  try {
    const rows = await sql<SubtaskRow>`
      SELECT * FROM (
        (SELECT ${columns}, ${waitingNow} AS waiting, crashes, CASE WHEN state = 'running' THEN phase END AS phase,
          CASE WHEN state = 'running' THEN summary END AS summary FROM subtasks WHERE ${fits} ORDER BY id LIMIT ${limit})
        UNION ALL
        (SELECT ${columns}, NULL, NULL, NULL, NULL FROM subtask_history WHERE ${fits} ORDER BY id LIMIT ${limit})
      ) s ORDER BY id LIMIT ${limit}`.execute(db);
    return rows.rows.map((row) => ({
      id: row.id,
      kind: row.kind,
      step: row.step,
      ordinal: row.ordinal,
      state: row.state,
      node: row.exec_id,
      attempt: row.attempt,
      failures: row.failures,
      rows: Number(row.rows),
      bytes: Number(row.bytes),
      error: row.error,
      waiting: row.waiting,
      crashes: row.crashes === null ? null : { nodes: row.crashes.nodes, alone: row.crashes.alone },
      phase: row.phase,
      summary: row.summary,
      startedAt: row.started_at,
      endedAt: row.ended_at,
    }));
  } catch (thrown) {
    throw storeError(thrown);
  }
}
