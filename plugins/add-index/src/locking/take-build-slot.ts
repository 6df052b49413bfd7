import type { SqlClient } from '@longshore/sdk';
import { pause } from './pause.ts';
import type { ShowWaiting } from './show-waiting.ts';

/** How often a free place is looked for, in milliseconds: little beside a build of minutes. */
const LOOK_MS = 500;

/** First half of the advisory locks' keys, the bytes of "lsix"; the second is the place's number. */
const LOCK_CLASS = 0x6c736978;

export interface BuildSlots {
  /** How many builds may run in the database. */
  readonly limit: number;
  readonly signal: AbortSignal;
  readonly show: ShowWaiting;
}

/**
 * Takes one of the database's places for a build, and waits while all are taken: an advisory lock of the session, which the server gives
 * back with it whatever ends it. All tasks and nodes share the places; of two tasks with different limits the larger one holds
 * for both together.
 *
 * @returns the number of the place, for `leaveBuildSlot`.
 */
export async function takeBuildSlot(client: SqlClient, { limit, signal, show }: BuildSlots): Promise<number> {
  let hide: (() => void) | null = null;
  try {
    for (;;) {
      for (let place = 0; place < limit; place++) {
        // Tried, never waited for: who waits has a snapshot, whose end the builds would wait for.
        const taken = await client.query<{ taken: boolean }>('SELECT pg_try_advisory_lock($1, $2) AS taken', [
          LOCK_CLASS,
          place,
        ]);
        if (taken.rows[0]?.taken === true) return place;
      }
      hide ??= show({
        code: 'BUILD_LIMIT',
        message: `${limit} ${limit === 1 ? 'index is' : 'indexes are'} being built in this database already, the most that maxConcurrentBuilds allows`,
      });
      await pause(LOOK_MS, signal);
    }
  } finally {
    hide?.();
  }
}

export async function leaveBuildSlot(client: SqlClient, place: number): Promise<void> {
  await client.query('SELECT pg_advisory_unlock($1, $2)', [LOCK_CLASS, place]);
}
