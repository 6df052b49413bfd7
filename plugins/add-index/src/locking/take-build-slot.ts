import { SubtaskPostponed, type SqlClient } from '@longshore/sdk';
import { pause } from '@longshore/sdk/postgres';
import type { ShowWaiting } from './show-waiting.ts';

/** How often a free place is looked for, in milliseconds: little beside a build of minutes. */
const LOOK_MS = 500;
/**
 * How long a subtask keeps its slot while it looks, and after how long it comes back, in milliseconds. Short builds follow one
 * another without a gap; during long ones the slot is free most of the time.
 */
const HOLD_MS = 2_000;
const POSTPONE_MS = 15_000;

/** First half of the advisory locks' keys, the bytes of "lsix"; the second is the place's number. */
const LOCK_CLASS = 0x6c736978;

export interface BuildSlots {
  /** How many builds may run in the database, as of now. */
  readonly limit: () => number;
  readonly signal: AbortSignal;
  readonly show: ShowWaiting;
}

/**
 * Takes one of the database's places for a build, and waits a little while all are taken. A place is an advisory lock of the session, and
 * the server releases it with the session. All tasks and nodes share the places; of two tasks with different limits the larger one counts
 * for both together.
 *
 * @returns the number of the place, for `leaveBuildSlot`.
 * @throws {SubtaskPostponed} when none became free: the subtask frees its slot, and comes back.
 */
export async function takeBuildSlot(client: SqlClient, { limit: limitNow, signal, show }: BuildSlots): Promise<number> {
  const begun = performance.now();
  let hide: (() => void) | null = null;
  try {
    for (;;) {
      const limit = limitNow();
      for (let place = 0; place < limit; place++) {
        // Tried, never waited for: who waits has a snapshot, whose end the builds would wait for.
        const taken = await client.query<{ taken: boolean }>('SELECT pg_try_advisory_lock($1, $2) AS taken', [
          LOCK_CLASS,
          place,
        ]);
        if (taken.rows[0]?.taken === true) return place;
      }
      const reason = {
        code: 'BUILD_LIMIT',
        message: `${limit} ${limit === 1 ? 'index is' : 'indexes are'} being built in this database, which is the limit (maxConcurrentBuilds)`,
      };
      if (performance.now() - begun > HOLD_MS) throw new SubtaskPostponed(reason, POSTPONE_MS);
      hide ??= show(reason);
      await pause(LOOK_MS, signal);
    }
  } finally {
    hide?.();
  }
}

export async function leaveBuildSlot(client: SqlClient, place: number): Promise<void> {
  await client.query('SELECT pg_advisory_unlock($1, $2)', [LOCK_CLASS, place]);
}
