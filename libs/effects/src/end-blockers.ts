import { TaskTypeError, type SqlClient } from '@longshore/sdk';
import type { TargetSessions } from './target-sessions.ts';

/** Whose sessions may be ended while one waits, and from when on. */
export interface Blockers {
  /** How long to wait before anything is ended, in milliseconds. */
  readonly afterMs: number;
  /** Only sessions whose `application_name` starts so, and are not this attempt's own. */
  readonly prefix: string;
  /** Only those of attempts below this one, where the name's last part is an attempt. Default: all. */
  readonly belowAttempt?: number;
}

/** How often blockers are looked for again, in milliseconds: one that was ended may have been the first of several. */
const LOOK_MS = 200;

/**
 * Runs a statement that may wait for a lock which sessions of older attempts hold; while it waits, a second session ends those. In
 * this order: to end them first and wait then would let the old attempt reconnect and commit another batch in between.
 *
 * @throws {TaskTypeError} EFFECTS_NO_TERMINATE when the role may not end them.
 */
export async function endingBlockers<T>(
  sessions: TargetSessions,
  waiting: SqlClient,
  blockers: Blockers,
  run: () => Promise<T>,
): Promise<T> {
  const own = await waiting.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
  const pid = own.rows[0]?.pid ?? 0;
  let isDone = false;
  let timer: NodeJS.Timeout | undefined;
  const refused = Promise.withResolvers<never>();
  const look = async (): Promise<void> => {
    try {
      await sessions.lend((client) => endBlockersOf(client, pid, blockers));
    } catch (error) {
      if ((error as { code?: unknown }).code === '42501') refused.reject(noTerminate(error));
    }
    if (!isDone) timer = setTimeout(() => void look(), LOOK_MS);
  };
  timer = setTimeout(() => void look(), blockers.afterMs);
  try {
    return await Promise.race([run(), refused.promise]);
  } finally {
    isDone = true;
    clearTimeout(timer);
  }
}

async function endBlockersOf(client: SqlClient, pid: number, blockers: Blockers): Promise<void> {
  // Names are compared by starts_with, as `_` is a wildcard of LIKE, and attempts as numbers.
  await client.query(
    `SELECT pg_terminate_backend(a.pid)
     FROM pg_stat_activity a
     WHERE a.pid = ANY(pg_blocking_pids($1)) AND starts_with(a.application_name, $2)
       AND ($3::int IS NULL OR split_part(a.application_name, '/', 4)::int < $3)`,
    [pid, blockers.prefix, blockers.belowAttempt ?? null],
  );
}

export function noTerminate(cause: unknown): TaskTypeError {
  return new TaskTypeError(
    'EFFECTS_NO_TERMINATE',
    'a session of an older attempt blocks this one, and the role may not end it; connect all executors with one role, or grant it pg_signal_backend',
    { cause, permanent: false },
  );
}
