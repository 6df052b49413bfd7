import { endingBlockers } from '@longshore/postgres';
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

/** Names are compared by starts_with, as `_` is a wildcard of LIKE, and attempts as numbers. */
const CONDITION = `starts_with(blocker.application_name, $2)
  AND ($3::int IS NULL OR split_part(blocker.application_name, '/', 4)::int < $3)`;

/**
 * Runs a statement that may wait for a lock which sessions of older attempts hold; while it waits, a second session ends those.
 *
 * @throws {TaskTypeError} EFFECTS_NO_TERMINATE when the role may not end them.
 */
export function endingOlderAttempts<T>(
  sessions: TargetSessions,
  waiting: SqlClient,
  { afterMs, prefix, belowAttempt }: Blockers,
  run: () => Promise<T>,
): Promise<T> {
  const watch = {
    waiting: (text: string, values: readonly unknown[]) => waiting.query(text, values),
    other: (text: string, values: readonly unknown[]) => sessions.lend((client) => client.query(text, values)),
    afterMs,
    everyMs: LOOK_MS,
    rule: { condition: CONDITION, values: [prefix, belowAttempt ?? null] },
    refused: noTerminate,
  };
  return endingBlockers(watch, run);
}

export function noTerminate(cause: unknown): TaskTypeError {
  return new TaskTypeError(
    'EFFECTS_NO_TERMINATE',
    'a session of an older attempt blocks this one, and the role may not end it; connect all executors with one role, or grant it pg_signal_backend',
    { cause, permanent: false },
  );
}
