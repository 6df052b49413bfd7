import { faultPoint } from '@longshore/faults';
import type { EffectOutcome, JsonValue, LedgerEntry, SqlClient, TargetConnection } from '@longshore/sdk';
import { applicationName, type EffectOwner, type LedgerOwner } from './effect-owner.ts';
import { endingOlderAttempts } from './end-older-attempts.ts';
import { closeFence, closeFenceBySession, enterFence, holdFence, openFence } from './fence.ts';
import { runBatches, type BatchMarks, type RaiseAttempt } from './ledger-batches.ts';
import { completeLedgerRow, deleteLedger, readLedger, readLedgerResult, takeLedgerRow } from './ledger-rows.ts';
import type { OnStatement } from './sql-client.ts';
import { TargetSessions, type AwayRule } from './target-sessions.ts';

export interface TargetOptions {
  /** The connection's name in task metas. */
  readonly name: string;
  /** `postgres://…` */
  readonly url: string;
  readonly owner: EffectOwner;
  /** Ends the sessions when aborted: an open transaction is rolled back by the server. */
  readonly signal: AbortSignal;
  /** How long a revert waits for effects that are under way, in milliseconds. Default 5,000. */
  readonly fenceGraceMs?: number;
  /** What is done about a target that can't be reached. Default: its error is thrown. */
  readonly away?: AwayRule;
  /** Called each time that a session is there, before anything is done in it. Default: nothing is. */
  readonly beforeUse?: () => Promise<void>;
  /** Raises the subtask's attempt in the store. Default: it is somebody else's. */
  readonly raiseAttempt?: RaiseAttempt;
  /** Told of each batch. Default: nobody is. */
  readonly batchMarks?: BatchMarks | undefined;
  /** Told of each statement. Default: nobody is. */
  readonly onStatement?: OnStatement | undefined;
}

/** A target connection of one attempt of one subtask, with its own sessions. */
export interface OpenTarget {
  readonly connection: TargetConnection;
  /** Opens the task's fence: for its first control subtask, before any hook has run. */
  openFence(): Promise<void>;
  close(): Promise<void>;
}

const DEFAULT_FENCE_GRACE_MS = 5_000;
/** How long an effect waits for the open transaction of an older attempt before it ends that session, in milliseconds. */
const TAKEOVER_GRACE_MS = 1_000;

/** Prepares a connection to a target; the first use connects. */
export function openTarget(options: TargetOptions): OpenTarget {
  const owner: LedgerOwner = { ...options.owner, connection: options.name };
  const sessions = new TargetSessions(options.url, owner, options.signal, options);
  const raiseAttempt = options.raiseAttempt ?? (() => Promise.resolve(null));
  const fenceGraceMs = options.fenceGraceMs ?? DEFAULT_FENCE_GRACE_MS;
  const connection: TargetConnection = {
    name: options.name,
    read: (work) => sessions.lend(work),
    effectOnce: (work) => runOnce(sessions, owner, work),
    effectBatches: (start, work) =>
      runBatches(sessions, owner, start, { raiseAttempt, marks: options.batchMarks }, work),
    effectSession: (work) => sessions.lendPrepared((client) => holdFence(client, owner, () => work(client))),
    ledger: (step) => sessions.lendPrepared((client) => readLedger(client, owner, step ?? null)),
    revertEffects: (work) => closeFence(sessions, owner, fenceGraceMs, (client) => undo(client, owner, work)),
    revertSession: (work) => closeFenceBySession(sessions, owner, fenceGraceMs, (client) => undo(client, owner, work)),
  };
  return {
    connection,
    openFence: () => sessions.lendPrepared((client) => openFence(client, owner)),
    close: () => sessions.close(),
  };
}

async function undo<T>(
  client: SqlClient,
  owner: LedgerOwner,
  work: (client: SqlClient, committed: readonly LedgerEntry[]) => Promise<T>,
): Promise<T> {
  const result = await work(client, await readLedger(client, owner, null));
  await deleteLedger(client, owner);
  return result;
}

async function runOnce<R extends JsonValue>(
  sessions: TargetSessions,
  owner: LedgerOwner,
  work: (client: SqlClient) => Promise<R>,
): Promise<EffectOutcome<R>> {
  const prefix = applicationName(owner).slice(0, -String(owner.attempt).length);
  const outcome = await sessions.transaction(async (client) => {
    await enterFence(client, owner);
    const older = { afterMs: TAKEOVER_GRACE_MS, prefix, belowAttempt: owner.attempt };
    if (!(await endingOlderAttempts(sessions, client, older, () => takeLedgerRow(client, owner)))) {
      return { result: (await readLedgerResult(client, owner)) as R, isRepeat: true };
    }
    const result = await work(client);
    await completeLedgerRow(client, owner, result);
    await faultPoint('effect.before-commit');
    return { result, isRepeat: false };
  });
  await faultPoint('effect.after-commit');
  return outcome;
}
