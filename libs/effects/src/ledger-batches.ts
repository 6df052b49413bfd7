import { faultPoint } from '@longshore/faults';
import { TaskTypeError, type EffectBatches, type EffectOutcome, type JsonValue, type SqlClient } from '@longshore/sdk';
import { applicationName, type LedgerOwner } from './effect-owner.ts';
import { LEDGER } from './effects-schema.ts';
import { endingOlderAttempts } from './end-older-attempts.ts';
import { enterFence } from './fence.ts';
import { ledgerJson } from './ledger-json.ts';
import { ledgerKey } from './ledger-rows.ts';
import type { TargetSessions } from './target-sessions.ts';

/** Asks the store to raise this subtask's attempt past the ledger's; null: the subtask is somebody else's by now. */
export type RaiseAttempt = (past: number) => Promise<number | null>;

/** Told when a batch begins, and whether it was committed when it is over: what is reported in between is its. */
export interface BatchMarks {
  beginBatch(): void;
  endBatch(isCommitted: boolean): void;
}

/** What batches need besides their target. */
export interface BatchHost {
  readonly raiseAttempt: RaiseAttempt;
  readonly marks?: BatchMarks | undefined;
}

/** How long the takeover waits for a batch of an older attempt before it ends that session, in milliseconds. */
const TAKEOVER_GRACE_MS = 400;

const KEY = 'cluster_id = $1 AND task_id = $2 AND subtask_id = $3 AND connection = $4';

/** What the ledger says to an attempt that wants to continue. */
type Takeover<C> =
  | { readonly kind: 'mine'; readonly checkpoint: C }
  | { readonly kind: 'done'; readonly result: JsonValue }
  | { readonly kind: 'newer'; readonly attempt: number };

/**
 * Effects of many transactions: the ledger's row is taken over by the attempt, then each batch moves its checkpoint and its rows
 * together. An older attempt finds a higher one there and stops, wherever it is.
 */
export async function runBatches<C extends JsonValue, R extends JsonValue>(
  sessions: TargetSessions,
  owner: LedgerOwner,
  start: C,
  { raiseAttempt, marks }: BatchHost,
  work: (batches: EffectBatches<C>) => Promise<R>,
): Promise<EffectOutcome<R>> {
  let { attempt } = owner;
  let taken = await takeOver(sessions, { ...owner, attempt }, start);
  if (taken.kind === 'newer') {
    // Either a newer attempt has it, or the store was restored from an older state and counts attempts anew.
    const raised = await raiseAttempt(taken.attempt);
    if (raised === null) throw superseded(owner);
    attempt = raised;
    taken = await takeOver(sessions, { ...owner, attempt }, start);
  }
  if (taken.kind === 'done') return { result: taken.result as R, isRepeat: true };
  if (taken.kind === 'newer') throw superseded(owner);
  const mine = { ...owner, attempt };
  let { checkpoint } = taken;
  const result = await work({
    get checkpoint() {
      return checkpoint;
    },
    batch: async (run) => {
      marks?.beginBatch();
      let isCommitted = false;
      const next = await sessions
        .transaction(async (client) => {
          await enterFence(client, mine);
          await holdRow(client, mine);
          const moved = await run(client, checkpoint);
          await client.query(`UPDATE ${LEDGER} SET checkpoint = $5 WHERE ${KEY}`, [
            ...ledgerKey(mine),
            ledgerJson(moved, 'the checkpoint of the batch'),
          ]);
          await faultPoint('effect.before-commit');
          return moved;
        })
        .then((moved) => {
          isCommitted = true;
          return moved;
        })
        .finally(() => marks?.endBatch(isCommitted));
      await faultPoint('effect.after-commit');
      checkpoint = next;
      return next;
    },
  });
  await sessions.transaction(async (client) => {
    await enterFence(client, mine);
    await holdRow(client, mine);
    await client.query(`UPDATE ${LEDGER} SET is_done = true, result = $5 WHERE ${KEY}`, [
      ...ledgerKey(mine),
      ledgerJson(result, 'the result of the batches'),
    ]);
  });
  return { result, isRepeat: false };
}

async function takeOver<C extends JsonValue>(
  sessions: TargetSessions,
  owner: LedgerOwner,
  start: C,
): Promise<Takeover<C>> {
  return sessions.transaction(async (client) => {
    await enterFence(client, owner);
    const prefix = applicationName(owner).slice(0, -String(owner.attempt).length);
    // Without a time-out: tries with one, repeated, ended a hundred sessions where this ends one.
    const row = await endingOlderAttempts(
      sessions,
      client,
      { afterMs: TAKEOVER_GRACE_MS, prefix, belowAttempt: owner.attempt },
      async () => {
        await adoptRow(client, owner);
        return client.query<{ checkpoint: C }>(
          `INSERT INTO ${LEDGER} AS l (cluster_id, task_id, subtask_id, connection, step, attempt, checkpoint)
           VALUES ($1, $2, $3, $4, $5, $6, $7)
           ON CONFLICT (cluster_id, task_id, subtask_id, connection) DO UPDATE SET attempt = excluded.attempt
           WHERE l.attempt < excluded.attempt AND NOT l.is_done
           RETURNING checkpoint`,
          [...ledgerKey(owner), owner.step, owner.attempt, ledgerJson(start, 'the first checkpoint')],
        );
      },
    );
    const mine = row.rows[0];
    if (mine !== undefined) return { kind: 'mine', checkpoint: mine.checkpoint };
    const other = await client.query<{ attempt: number; is_done: boolean; result: JsonValue }>(
      `SELECT attempt, is_done, result FROM ${LEDGER} WHERE ${KEY}`,
      ledgerKey(owner),
    );
    const { attempt = owner.attempt, is_done: isDone = false, result = null } = other.rows[0] ?? {};
    return isDone ? { kind: 'done', result } : { kind: 'newer', attempt };
  });
}

/** Makes a row that the first version left, one for all connections, this connection's. It may have to wait for a batch of then. */
async function adoptRow(client: SqlClient, owner: LedgerOwner): Promise<void> {
  await client.query(
    `UPDATE ${LEDGER} SET connection = $4 WHERE cluster_id = $1 AND task_id = $2 AND subtask_id = $3 AND connection = '' AND $4 <> ''`,
    ledgerKey(owner),
  );
}

/** Each batch starts with this: it holds the row for the transaction, and fails when the attempt has been superseded. */
async function holdRow(client: SqlClient, owner: LedgerOwner): Promise<void> {
  const held = await client.query(
    `UPDATE ${LEDGER} SET written_at = clock_timestamp()
     WHERE ${KEY} AND attempt = $5 AND NOT is_done`,
    [...ledgerKey(owner), owner.attempt],
  );
  if (held.rowCount !== 1) throw superseded(owner);
}

function superseded(owner: LedgerOwner): TaskTypeError {
  return new TaskTypeError(
    'EFFECTS_SUPERSEDED',
    `attempt ${owner.attempt} of subtask ${owner.subtaskId} is late: a newer attempt has taken its work over`,
    { permanent: false },
  );
}
