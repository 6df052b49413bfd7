import { FailureLog, type FailureLogger } from './failure-log.ts';
import type { LoopOptions } from './wakeable-loop.ts';

/**
 * The rounds of a loop that say once when they begin to fail and once when they work again, however many fail between. An error with another code is
 * said too.
 *
 * @param what the rounds do, such as `watching nodes`.
 * @param now a monotonic clock, in milliseconds. Default: the process's.
 */
export function loggedRounds(
  logger: FailureLogger,
  what: string,
  round: LoopOptions['round'],
  now = () => performance.now(),
): Pick<LoopOptions, 'round' | 'onError'> {
  const log = new FailureLog(logger, what, now);
  return {
    onError: (error) => log.failed(error),
    round: async (signal) => {
      const hasMore = await round(signal);
      log.worked();
      return hasMore;
    },
  };
}
