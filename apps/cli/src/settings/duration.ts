import { InvalidArgumentError } from 'commander';
import parseDuration from 'parse-duration';
import prettyMs from 'pretty-ms';

/** The parser takes whatever it understands of a text; here all of it has to be meant. */
const DURATION = /^(\d+(\.\d+)?(ms|s|m|h|d)\s*)+$/;

/**
 * A reader for an option that is a duration: `90s`, `15m`, `1h30m`, `1.5d`. It gives whole milliseconds.
 *
 * @param leastMs the shortest that is taken, in milliseconds; `mostMs` the longest.
 */
export function duration(leastMs: number, mostMs: number): (text: string) => number {
  return (text) => {
    const ms = DURATION.test(text.trim()) ? parseDuration(text) : null;
    if (ms === null) throw new InvalidArgumentError('write it with its unit, as 500ms, 90s, 15m, 1h30m or 2d.');
    const rounded = Math.round(ms);
    if (rounded < leastMs || rounded > mostMs) {
      throw new InvalidArgumentError(`it must be from ${prettyMs(leastMs)} to ${prettyMs(mostMs)}.`);
    }
    return rounded;
  };
}
