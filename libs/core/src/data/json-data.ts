import { MAX_JSON_DEPTH } from './json-rule.ts';
import { storableText } from './storable-text.ts';

/** Values that are kept, each counted as often as it is named: this is for errors and lines of logs. */
const MAX_VALUES = 10_000;

/** How a value is made data. */
interface Conversion {
  /** What becomes of each text. */
  readonly textOf: (text: string) => string;
  /** Values that may still come. */
  left: number;
}

/**
 * Any value as what JSON can carry, for what crosses a thread, a message or the store and comes from code that isn't ours:
 * never throws. Errors become their name, message and fields; bigints and symbols text; functions are left out; a ring is
 * cut where it closes, what is nested too deep where that begins, and what has more than {@link MAX_VALUES} values after these.
 */
export function toJsonData(value: unknown): unknown {
  return convert(value, [], { textOf: (text) => text, left: MAX_VALUES });
}

/** The same for what goes into the store: its texts and names are as {@link storableText} makes them. */
export function toStorableData(value: unknown): unknown {
  return convert(value, [], { textOf: storableText, left: MAX_VALUES });
}

/** @param within the objects around the value, outermost first. */
function convert(value: unknown, within: readonly object[], conversion: Conversion): unknown {
  switch (typeof value) {
    case 'string':
      return conversion.textOf(value);
    case 'boolean':
      return value;
    case 'number':
      // JSON has no negative zero; adding 0 makes one an ordinary zero.
      return Number.isFinite(value) ? value + 0 : String(value);
    case 'bigint':
    case 'symbol':
      return conversion.textOf(String(value));
    case 'undefined':
    case 'function':
      return undefined;
    case 'object':
      return value === null ? null : convertObject(value, within, conversion);
  }
}

function convertObject(value: object, within: readonly object[], conversion: Conversion): unknown {
  if (within.includes(value)) return '[circular]';
  if (within.length >= MAX_JSON_DEPTH) return '[too deep]';
  const inside = [...within, value];
  const { textOf } = conversion;
  try {
    if (Array.isArray(value)) return convertArray(value, inside, conversion);
    const { toJSON } = value as { readonly toJSON?: unknown };
    if (typeof toJSON === 'function') return convert(toJSON.call(value) as unknown, inside, conversion);
    const fields: [string, unknown][] = [];
    for (const [name, field] of Object.entries(value)) {
      if (conversion.left-- <= 0) break;
      const data = convert(field, inside, conversion);
      if (data !== undefined) fields.push([textOf(name), data]);
    }
    const named =
      value instanceof Error
        ? { name: convert(value.name, [], conversion), message: convert(value.message, [], conversion) }
        : {};
    return { ...named, ...Object.fromEntries(fields) };
  } catch (thrown) {
    // A getter or a toJSON of somebody else's threw.
    return textOf(`[unreadable: ${reasonOf(thrown)}]`);
  }
}

function convertArray(items: readonly unknown[], inside: readonly object[], conversion: Conversion): unknown[] {
  const data: unknown[] = [];
  for (const item of items) {
    if (conversion.left-- <= 0) break;
    data.push(convert(item, inside, conversion) ?? null);
  }
  return data;
}

function reasonOf(thrown: unknown): string {
  try {
    return thrown instanceof Error ? thrown.message : 'it threw';
  } catch {
    return 'it threw';
  }
}
