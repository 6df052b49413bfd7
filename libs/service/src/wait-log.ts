import { toErrorData } from '@longshore/core';
import type { Logger } from '@longshore/telemetry';

/** How often a wait that goes on is logged again, in milliseconds: seen by whoever looks, and no flood in an outage of hours. */
const EVERY_MS = 30_000;

/**
 * Says in the log what a start waits for: at once, when the reason becomes another one, and every half minute. Without a stack, since the
 * reason is outside of this process.
 *
 * @param what such as `the store`.
 * @param now the monotonic clock, in milliseconds.
 * @returns to be told why each look was in vain.
 */
export function waitLog(logger: Logger, what: string, now = () => performance.now()): (error: unknown) => void {
  let lastCode: string | undefined;
  let nextAt = 0;
  return (error) => {
    const { code, message } = toErrorData(error);
    if (code === lastCode && now() < nextAt) return;
    lastCode = code;
    nextAt = now() + EVERY_MS;
    logger.warn({ code }, `waiting for ${what}: ${message}`);
  };
}
