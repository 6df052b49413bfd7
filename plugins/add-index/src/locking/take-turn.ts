import type { SqlClient } from '@longshore/sdk';
import { isNoPrivilege, pause } from '@longshore/sdk/postgres';
import { addIndexError } from '../errors/add-index-error.ts';
import { AddIndexErrorCode } from '../errors/add-index-error-code.ts';
import type { ShowWaiting } from './show-waiting.ts';

/** How often the one that has the turn is looked at, in milliseconds. */
const LOOK_MS = 250;

const KEY = `hashtextextended('longshore/add-index/' || $1, 0)`;

/** An advisory lock of 64 bits is shown as two halves. */
const HOLDER = `
  SELECT a.pid, a.application_name AS name, a.state = 'active' AS "isActive"
  FROM pg_locks l JOIN pg_stat_activity a USING (pid), (SELECT ${KEY} AS key) k
  WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1
    AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
    AND l.classid = ((k.key >> 32) & 4294967295)::oid AND l.objid = (k.key & 4294967295)::oid`;

interface Holder extends Record<string, unknown> {
  readonly pid: number;
  readonly name: string;
  readonly isActive: boolean;
}

export interface Turn {
  /** Name of the index while it is built: what the turn is for. */
  readonly working: string;
  readonly taskId: string;
  readonly subtaskId: string;
  readonly attempt: number;
  readonly signal: AbortSignal;
  readonly show: ShowWaiting;
  /** Looks at the build of the session with this pid until `ended` resolves. */
  readonly watch: <T>(pid: number, ended: () => Promise<T>) => Promise<T>;
}

/**
 * Takes the turn to look for the index and build it. Only one attempt of a subtask has it at a time, so that no two attempts build the
 * same index, and none builds it again after it has got its name.
 *
 * If an older attempt works, this one waits and takes its index over, even if only the server's session of it remains. It keeps its slot
 * meanwhile, because the build is the work. An older attempt that has the turn and does nothing, because its process is frozen or cut
 * off, is ended.
 *
 * @throws {TaskTypeError} ADD_INDEX_SUPERSEDED when a newer attempt has it, ADD_INDEX_NO_TERMINATE.
 */
export async function takeTurn(client: SqlClient, turn: Turn): Promise<void> {
  let hide: (() => void) | null = null;
  try {
    for (;;) {
      const taken = await client.query<{ taken: boolean }>(`SELECT pg_try_advisory_lock(${KEY}) AS taken`, [
        turn.working,
      ]);
      if (taken.rows[0]?.taken === true) return;
      const [holder] = (await client.query<Holder>(HOLDER, [turn.working])).rows;
      // Nobody: it has just ended.
      if (holder === undefined) continue;
      if (!isOlder(holder.name, turn)) throw superseded(turn);
      if (holder.isActive) {
        hide ??= turn.show({
          code: 'OLDER_ATTEMPT',
          message: `an older attempt still builds the index (pid ${holder.pid}); this attempt takes it over`,
        });
        await turn.watch(holder.pid, () => untilAtRest(client, turn, holder.pid));
      } else {
        await endOlder(client, turn);
        await pause(LOOK_MS, turn.signal);
      }
    }
  } finally {
    hide?.();
  }
}

/** Waits until this session has ended, or holds the turn and does nothing. */
async function untilAtRest(client: SqlClient, { working, signal }: Turn, pid: number): Promise<void> {
  for (;;) {
    await pause(LOOK_MS, signal);
    const [holder] = (await client.query<Holder>(HOLDER, [working])).rows;
    if (holder?.pid !== pid || !holder.isActive) return;
  }
}

export async function leaveTurn(client: SqlClient, working: string): Promise<void> {
  await client.query(`SELECT pg_advisory_unlock(${KEY})`, [working]);
}

/** A session's name is `ls/task/subtask/attempt`. Attempts are compared as numbers. */
function isOlder(name: string, { taskId, subtaskId, attempt }: Turn): boolean {
  const prefix = `ls/${taskId}/${subtaskId}/`;
  return name.startsWith(prefix) && Number(name.slice(prefix.length)) < attempt;
}

/** Ends all sessions of the older attempts, also one that is about to name the index. */
async function endOlder(client: SqlClient, { taskId, subtaskId, attempt }: Turn): Promise<void> {
  try {
    await client.query(
      `SELECT pg_terminate_backend(a.pid) FROM pg_stat_activity a
       WHERE a.datname = current_database() AND starts_with(a.application_name, $1)
         AND split_part(a.application_name, '/', 4)::int < $2`,
      [`ls/${taskId}/${subtaskId}/`, attempt],
    );
  } catch (error) {
    if (!isNoPrivilege(error)) throw error;
    const message =
      'An idle session of an older attempt holds the lock to build the index, and the role may not end it. Connect all executors with one role, or grant it pg_signal_backend.';
    throw addIndexError(AddIndexErrorCode.NoTerminate, message, undefined, error);
  }
}

function superseded({ subtaskId, attempt }: Turn): Error {
  const message = `Attempt ${attempt} of subtask ${subtaskId} is late: a newer attempt has taken over. This one changed nothing.`;
  return addIndexError(AddIndexErrorCode.Superseded, message);
}
