import { RE2JS } from 're2js';

/** What Ajv needs of a regular expression. `toString` tells one from another. */
export interface LinearPattern {
  test(text: string): boolean;
  toString(): string;
}

/**
 * A regular expression that takes time in proportion to the text, whatever the two are. Anybody may send a text, and of the usual kind
 * `^([a-z0-9]+-?)+$` needs 2^n steps for one that doesn't fit.
 *
 * @throws {Error} for what can't be matched so: look-arounds and back references.
 */
export function linearPattern(source: string, isCaseIgnored = false): LinearPattern {
  const pattern = RE2JS.compile(RE2JS.translateRegExp(source), isCaseIgnored ? RE2JS.CASE_INSENSITIVE : 0);
  return { test: (text) => pattern.matcher(text).find(), toString: () => source };
}
