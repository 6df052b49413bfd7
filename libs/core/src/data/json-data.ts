import { MAX_JSON_DEPTH } from './json-rule.ts';
import { storableText } from './storable-text.ts';

/** What becomes of each text. */
type TextRule = (text: string) => string;

/**
 * Any value as what JSON can carry, for what crosses a thread, a message or the store and comes from code that isn't ours:
 * never throws. Errors become their name, message and fields; bigints and symbols text; functions are left out; a ring is
 * cut where it closes, and what is nested too deep where that begins.
 */
export function toJsonData(value: unknown): unknown {
  return convert(value, [], (text) => text);
}

/** The same for what goes into the store: its texts and names are as {@link storableText} makes them. */
export function toStorableData(value: unknown): unknown {
  return convert(value, [], storableText);
}

/** @param within the objects around the value, outermost first. */
function convert(value: unknown, within: readonly object[], textOf: TextRule): unknown {
  switch (typeof value) {
    case 'string':
      return textOf(value);
    case 'boolean':
      return value;
    case 'number':
      // JSON has no negative zero; adding 0 makes one an ordinary zero.
      return Number.isFinite(value) ? value + 0 : String(value);
    case 'bigint':
    case 'symbol':
      return textOf(String(value));
    case 'undefined':
    case 'function':
      return undefined;
    case 'object':
      return value === null ? null : convertObject(value, within, textOf);
  }
}

function convertObject(value: object, within: readonly object[], textOf: TextRule): unknown {
  if (within.includes(value)) return '[circular]';
  if (within.length >= MAX_JSON_DEPTH) return '[too deep]';
  const inside = [...within, value];
  try {
    if (Array.isArray(value)) return value.map((item) => convert(item, inside, textOf) ?? null);
    const { toJSON } = value as { readonly toJSON?: unknown };
    if (typeof toJSON === 'function') return convert(toJSON.call(value) as unknown, inside, textOf);
    const fields = Object.entries(value).map(
      ([name, field]) => [textOf(name), convert(field, inside, textOf)] as const,
    );
    const named =
      value instanceof Error
        ? { name: convert(value.name, [], textOf), message: convert(value.message, [], textOf) }
        : {};
    return { ...named, ...Object.fromEntries(fields.filter(([, field]) => field !== undefined)) };
  } catch (thrown) {
    // A getter or a toJSON of somebody else's threw.
    return textOf(`[unreadable: ${thrown instanceof Error ? thrown.message : 'it threw'}]`);
  }
}
