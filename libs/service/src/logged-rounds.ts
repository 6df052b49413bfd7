import { toErrorData } from '@longshore/core';
import type { Logger } from '@longshore/telemetry';
import type { LoopOptions } from './wakeable-loop.ts';

/**
 * The rounds of a loop that say once when they begin to fail and once when they work again, however many fail between. An error with another code is
 * said too.
 *
 * @param what the rounds do, such as `watching nodes`.
 * @param now a monotonic clock, in milliseconds. Default: the process's.
 */
export function loggedRounds(
  logger: Pick<Logger, 'warn' | 'info'>,
  what: string,
  round: LoopOptions['round'],
  now = () => performance.now(),
): Pick<LoopOptions, 'round' | 'onError'> {
  let failing: { readonly code: string; readonly since: number } | null = null;
  return {
    onError: (error) => {
      const { code } = toErrorData(error);
      if (failing?.code === code) return;
      logger.warn({ error }, `${what} failed; trying again`);
      failing = { code, since: failing?.since ?? now() };
    },
    round: async (signal) => {
      const hasMore = await round(signal);
      if (failing !== null) {
        const seconds = Math.round((now() - failing.since) / 1_000);
        failing = null;
        logger.info({ seconds }, `${what} works again after ${seconds} s`);
      }
      return hasMore;
    },
  };
}
