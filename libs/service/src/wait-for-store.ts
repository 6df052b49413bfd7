import { setTimeout as wait } from 'node:timers/promises';
import { hasCode, LongshoreError } from '@longshore/core';
import { checkSchema, migrateStore, type Store } from '@longshore/store';
import type { Logger } from '@longshore/telemetry';

const FIRST_WAIT_MS = 200;
const LONGEST_WAIT_MS = 5_000;

/**
 * Waits until the store can be reached and has this version's schema: services start in any order. In development the schema is
 * brought up here; in production somebody runs `longshore migrate`.
 *
 * @throws {LongshoreError} STORE_SCHEMA_NEWER or STORE_REFUSED: waiting would not help.
 */
export async function waitForStore(
  store: Store,
  url: string,
  mode: 'production' | 'development',
  logger: Logger,
  signal: AbortSignal,
): Promise<void> {
  for (let pauseMs = FIRST_WAIT_MS; ; pauseMs = Math.min(LONGEST_WAIT_MS, pauseMs * 2)) {
    try {
      if (mode === 'development') await migrateStore(url);
      await checkSchema(store);
      return;
    } catch (error) {
      if (!hasCode(error, 'STORE_UNAVAILABLE') && !hasCode(error, 'STORE_SCHEMA_OLD')) throw refusedError(error);
      logger.warn({ error }, `waiting for the store, next look in ${pauseMs} ms`);
    }
    await wait(pauseMs, undefined, { signal });
  }
}

/** SQLSTATEs of a connection that Postgres refuses: wrong password, not allowed, no such database. */
const REFUSED: ReadonlySet<unknown> = new Set(['28P01', '28000', '3D000']);

/** A refused connection with a code of its own. Only at the start: later it is a rotation under way, and is waited out. */
function refusedError(thrown: unknown): unknown {
  if (!(thrown instanceof Error) || !REFUSED.has((thrown as { code?: unknown }).code)) return thrown;
  return new LongshoreError(
    'STORE_REFUSED',
    `Postgres refuses the connection: ${thrown.message}; check --database-url or LONGSHORE_DATABASE_URL`,
    { cause: thrown },
  );
}
