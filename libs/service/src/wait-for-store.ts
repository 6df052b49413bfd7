import { setTimeout as wait } from 'node:timers/promises';
import { hasCode } from '@longshore/core';
import { checkSchema, checkSessions, migrateStore, storeRefusal, type Store } from '@longshore/store';
import type { Logger } from '@longshore/telemetry';
import { unlessAborted } from './unless-aborted.ts';
import { waitLog } from './wait-log.ts';

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
  const waiting = waitLog(logger, 'the store');
  for (let pauseMs = FIRST_WAIT_MS; ; pauseMs = Math.min(LONGEST_WAIT_MS, pauseMs * 2)) {
    try {
      await unlessAborted(checkSessions(store), signal);
      // Another process may migrate for minutes, and this one waits for its lock.
      if (mode === 'development') await unlessAborted(migrateStore(url), signal);
      await unlessAborted(checkSchema(store), signal);
      return;
    } catch (error) {
      if (!hasCode(error, 'STORE_UNAVAILABLE') && !hasCode(error, 'STORE_SCHEMA_OLD')) throw storeRefusal(error);
      waiting(error);
    }
    await wait(pauseMs, undefined, { signal });
  }
}
