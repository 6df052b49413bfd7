import { sql, type RawBuilder } from 'kysely';
import { fromStore } from '../session/open-store.ts';
import { actorColumns, type Actor } from './actor.ts';
import { decideRun, type KeyRun, type RunDecision, type SubmitCall } from './decide-run.ts';
import { columnName, settingColumns, type TaskSettings } from './task-settings.ts';
import { LOOK_LOCK_MS, unlessLocked } from '../session/look-again.ts';
import { inTransaction, type Commit, type Db, type Tx } from '../session/transactions.ts';

/** A task as it is first written; everything is validated and defaulted by now. */
export interface NewTask extends TaskSettings {
  readonly key: string;
  readonly trace: { readonly traceparent: string; readonly tracestate?: string } | null;
  /** Tells a repeated submit from another task under the same key. */
  readonly contentHash: string;
  /** Who submits it. */
  readonly actor: Actor;
}

/** SQLSTATE. */
const UNIQUE_VIOLATION = '23505';

/**
 * Writes a task, once per key and run. Everything hangs on the key's row, which is inserted first: a second submit waits for the first one's
 * transaction and then inserts nothing. A next run needs that row locked, and is decided on what is read after.
 *
 * @returns the task's id; `created: false` when the key has that task already, and this call didn't start it.
 * @throws {LongshoreError} TASK_KEY_TAKEN when the key belongs to a task with other content; ARGUMENT_INVALID when the submit's id started a
 * run of another key; ROW_LOCKED when an open transaction has the key.
 */
export async function submitTask(
  db: Db,
  task: NewTask,
  call: SubmitCall = {},
): Promise<{ readonly id: string; readonly created: boolean }> {
  if (call.again === true) {
    const next = await startNextRun(db, task, call);
    if (next.kind === 'found') return next.run;
  }
  const [written] = await unlessLocked(keyOf(task), () =>
    inTransaction(db, (_, commit) => commit([firstRun(task, call)], 'submit.before-commit'), LOOK_LOCK_MS),
  );
  const id = written?.rows[0]?.id;
  if (id !== undefined) return { id, created: true };
  const decision = decideRun(task, call, await fromStore(readRuns(db, task, call)));
  // The task was forgotten meanwhile and its key with it, or came only now.
  return decision.kind === 'found' ? decision.run : submitTask(db, task, call);
}

/**
 * Inserts the key and its task, if there is neither the key nor a run that the call started. A key that is seen takes no number of a task: users
 * would wonder where those in between have gone.
 */
function firstRun(task: NewTask, { submitId }: SubmitCall): RawBuilder<{ id: string }> {
  return withTask(
    task,
    sql`
      INSERT INTO task_keys (key, task_id, content_hash, run, submit_id)
      SELECT ${task.key}, nextval(pg_get_serial_sequence('tasks', 'id')), ${task.contentHash},
        1 + coalesce((SELECT max(run) FROM earlier_runs WHERE key = ${task.key}), 0), ${submitId ?? null}::text
      WHERE NOT EXISTS (SELECT 1 FROM earlier_runs WHERE submit_id = ${submitId ?? null}::text)
        AND NOT EXISTS (SELECT 1 FROM task_keys WHERE key = ${task.key})
      ON CONFLICT DO NOTHING RETURNING task_id`,
  );
}

/** Starts the next run of a key that has one, if the newest has ended by now. */
async function startNextRun(db: Db, task: NewTask, call: SubmitCall): Promise<Decided> {
  const start = async (tx: Tx, commit: Commit): Promise<Decided> => {
    await sql`SELECT 1 FROM task_keys WHERE key = ${task.key} FOR UPDATE`.execute(tx);
    const decision = decideRun(task, call, await readRuns(tx, task, call));
    if (decision.kind !== 'look-at-end') return decision;
    // A state that this build doesn't know is no end.
    const open = await sql`
      SELECT 1 FROM tasks WHERE id = ${decision.id} AND state NOT IN ('succeed', 'failed', 'reverted')`.execute(tx);
    if (open.rows.length > 0) return { kind: 'found', run: { id: decision.id, created: false } };
    const [written] = await commit([nextRun(task, call)], 'submit.before-commit');
    const id = written?.rows[0]?.id;
    return id === undefined ? { kind: 'gone' } : { kind: 'found', run: { id, created: true } };
  };
  const starting = unlessLocked(keyOf(task), () => inTransaction(db, start, LOOK_LOCK_MS));
  return starting.catch((thrown: unknown) => {
    // The call's id has started a run of another key at this moment: the next look finds it.
    if ((thrown as { code?: unknown } | null)?.code === UNIQUE_VIOLATION) return { kind: 'gone' };
    throw thrown;
  });
}

/** What a submit may find locked: an open transaction has submitted under the same key. */
function keyOf({ key }: NewTask): string {
  return `the key ${JSON.stringify(key)}`;
}

type Decided = Exclude<RunDecision, { kind: 'look-at-end' }>;

/** The newest run joins the earlier ones, and a new task takes its place. All parts see the key's row as it was. */
function nextRun(task: NewTask, { submitId }: SubmitCall): RawBuilder<{ id: string }> {
  return withTask(
    task,
    sql`
      UPDATE task_keys
      SET task_id = nextval(pg_get_serial_sequence('tasks', 'id')), run = run + 1, submit_id = ${submitId ?? null}::text
      WHERE key = ${task.key} RETURNING task_id`,
    sql`
      INSERT INTO earlier_runs (task_id, key, run, content_hash, submit_id)
      SELECT task_id, key, run, content_hash, submit_id FROM task_keys WHERE key = ${task.key}`,
  );
}

/**
 * A task with its first event, written with its key's row.
 *
 * @param takeKey writes the key's row and returns the task's id; no row: nothing is written.
 * @param before written with it.
 */
function withTask(
  task: NewTask,
  takeKey: RawBuilder<unknown>,
  before?: RawBuilder<unknown>,
): RawBuilder<{ id: string }> {
  const { actor, principal } = actorColumns(task.actor);
  const columns = settingColumns(task, sql`clock_timestamp()`);
  return sql<{ id: string }>`
    WITH ${before === undefined ? sql`` : sql`earlier AS (${before}), `}key AS (${takeKey}), task AS (
      INSERT INTO tasks (id, key, state, trace, event_seq, ${sql.join(columns.map(columnName))})
      OVERRIDING SYSTEM VALUE
      SELECT task_id, ${task.key}, 'pending', ${task.trace === null ? null : JSON.stringify(task.trace)}::json, 1,
        ${sql.join(columns.map(([, value]) => value))}
      FROM key RETURNING id
    ), event AS (
      INSERT INTO task_events (task_id, seq, actor, principal, kind, to_state)
      SELECT id, 1, ${actor}, ${principal}::json, 'submit', 'pending' FROM task)
    SELECT task_id AS id FROM key`;
}

/** The newest run of the key, and the run that this call started, of whichever key. */
async function readRuns(db: Db, { key }: NewTask, { submitId }: SubmitCall): Promise<readonly KeyRun[]> {
  const { rows } = await sql<KeyRun>`
    SELECT task_id AS id, key, content_hash AS "contentHash", submit_id AS "submitId" FROM task_keys WHERE key = ${key}
    UNION SELECT task_id, key, content_hash, submit_id FROM task_keys WHERE submit_id = ${submitId ?? null}::text
    UNION SELECT task_id, key, content_hash, submit_id FROM earlier_runs WHERE submit_id = ${submitId ?? null}::text`.execute(
    db,
  );
  return rows;
}
