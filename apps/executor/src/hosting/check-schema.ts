import { LongshoreError } from '@longshore/core';
import type { TypeDescription } from '@longshore/runner';
import { RE2JS } from 're2js';

/** Keywords whose values are data. */
const DATA_KEYWORDS: ReadonlySet<string> = new Set(['const', 'enum', 'default', 'examples']);

/**
 * Makes sure that owners can check metas by the type's schema in a time that doesn't depend on what is sent: its patterns must be such as
 * can be matched in linear time.
 *
 * @throws {LongshoreError} PLUGIN_INVALID naming the first pattern that can't.
 */
export function checkSchema(packageName: string, { type, schema }: Pick<TypeDescription, 'type' | 'schema'>): void {
  for (const pattern of patternsOf(schema)) {
    try {
      RE2JS.compile(RE2JS.translateRegExp(pattern));
    } catch (cause) {
      const reason = cause instanceof Error ? cause.message : String(cause);
      throw new LongshoreError(
        'PLUGIN_INVALID',
        `${packageName}: the meta of ${type} has the pattern ${pattern}, which can't be matched in linear time (${reason}); write it without look-around and back references, or check it in prepare`,
        { cause },
      );
    }
  }
}

function* patternsOf(schema: unknown): Generator<string> {
  if (typeof schema !== 'object' || schema === null) return;
  if (Array.isArray(schema)) {
    for (const item of schema) yield* patternsOf(item);
    return;
  }
  for (const [keyword, value] of Object.entries(schema)) {
    if (keyword === 'pattern' && typeof value === 'string') yield value;
    else if (keyword === 'patternProperties') yield* Object.keys(Object(value) as object);
    if (!DATA_KEYWORDS.has(keyword)) yield* patternsOf(value);
  }
}
