import { setTimeout as wait } from 'node:timers/promises';
import { hasCode } from '@longshore/core';
import { checkSchema, checkSessions, migrateStore, storeRefusal, type Store } from '@longshore/store';
import type { Logger } from '@longshore/telemetry';

const FIRST_WAIT_MS = 200;
const LONGEST_WAIT_MS = 5_000;

/**
 * Waits until the store can be reached and has this version's schema: services start in any order. In development the schema is
 * brought up here; in production somebody runs `longshore migrate`.
 *
 * @throws {LongshoreError} STORE_SCHEMA_NEWER, STORE_REFUSED or STORE_POOLED: waiting would not help.
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
      await checkSessions(store);
      if (mode === 'development') await migrateStore(url);
      await checkSchema(store);
      return;
    } catch (error) {
      if (!hasCode(error, 'STORE_UNAVAILABLE') && !hasCode(error, 'STORE_SCHEMA_OLD')) throw storeRefusal(error);
      logger.warn({ error }, `waiting for the store, next look in ${pauseMs} ms`);
    }
    await wait(pauseMs, undefined, { signal });
  }
}
