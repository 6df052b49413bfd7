import { InvalidArgumentError } from 'commander';
import parseDuration from 'parse-duration';
import prettyMs from 'pretty-ms';

/** The parser ignores what it doesn't understand. Here the whole text must fit. */
const DURATION = /^(\d+(\.\d+)?(ms|s|m|h|d)\s*)+$/;

/**
 * A reader for an option that is a duration: `90s`, `15m`, `1h30m`, `1.5d`. It returns whole milliseconds.
 *
 * @param leastMs the shortest duration allowed, in milliseconds; `mostMs` the longest.
 */
export function duration(leastMs: number, mostMs: number): (text: string) => number {
  return (text) => {
    const ms = DURATION.test(text.trim()) ? parseDuration(text) : null;
    if (ms === null) throw new InvalidArgumentError('give a number and a unit, such as 500ms, 90s, 15m, 1h30m or 2d.');
    const rounded = Math.round(ms);
    if (rounded < leastMs || rounded > mostMs) {
      throw new InvalidArgumentError(`it must be from ${prettyMs(leastMs)} to ${prettyMs(mostMs)}.`);
    }
    return rounded;
  };
}
