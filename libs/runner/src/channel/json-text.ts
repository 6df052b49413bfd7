import { jsonFault } from '@longshore/core';

/**
 * A value of plugin code as JSON. Refuses what JSON would silently drop or change beyond recognition, because the next step, or
 * the next attempt, would find it missing.
 *
 * @param what how errors call it, such as `the result`.
 * @throws {TypeError} naming the field that is not JSON.
 */
export function jsonText(value: unknown, what: string): string {
  const fault = jsonFault(value);
  if (fault !== null) throw new TypeError(`${what} is not JSON: ${fault}`);
  return JSON.stringify(value);
}

/**
 * A value of plugin code as plain data, as every later reader will see it: only that can be handed to another thread.
 *
 * @throws {TypeError} as {@link jsonText}.
 */
export function plainJson(value: unknown, what: string): unknown {
  if (typeof value !== 'object' || value === null) {
    jsonText(value, what);
    return value;
  }
  return JSON.parse(jsonText(value, what));
}
