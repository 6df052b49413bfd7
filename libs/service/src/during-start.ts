import { setTimeout as wait } from 'node:timers/promises';
import { hasCode } from '@longshore/core';
import { isRowLocked } from '@longshore/store';
import type { ServiceContext } from './run-service.ts';
import { unlessAborted } from './unless-aborted.ts';
import { waitLog } from './wait-log.ts';

const PAUSE_MS = 500;

/**
 * Does something that a start needs from the store, and again while that is away or somebody else has locked what it needs: both pass, and a
 * service that ended for it would only be started again.
 *
 * @param what it waits for then, as the log says it, such as `the settings of the cluster`.
 * @throws what `work` throws otherwise; the signal's reason once it is aborted.
 */
export async function duringStart<T>(
  { logger, signal }: Pick<ServiceContext<unknown>, 'logger' | 'signal'>,
  what: string,
  work: () => Promise<T>,
): Promise<T> {
  const waiting = waitLog(logger, what);
  for (;;) {
    try {
      return await unlessAborted(work(), signal);
    } catch (error) {
      if (!hasCode(error, 'STORE_UNAVAILABLE') && !isRowLocked(error)) throw error;
      waiting(error);
    }
    await wait(PAUSE_MS, undefined, { signal });
  }
}
