/**
 * Any value as what JSON can carry, for what crosses a thread, a message or the store and comes from code that isn't ours:
 * never throws. Errors become their name, message and fields; bigints and symbols text; functions are left out, and a ring is
 * cut where it closes.
 */
export function toJsonData(value: unknown): unknown {
  return convert(value, []);
}

/** @param within the objects around the value, outermost first. */
function convert(value: unknown, within: readonly object[]): unknown {
  switch (typeof value) {
    case 'string':
    case 'boolean':
      return value;
    case 'number':
      // JSON has no negative zero; adding 0 makes one an ordinary zero.
      return Number.isFinite(value) ? value + 0 : String(value);
    case 'bigint':
    case 'symbol':
      return String(value);
    case 'undefined':
    case 'function':
      return undefined;
    case 'object':
      return value === null ? null : convertObject(value, within);
  }
}

function convertObject(value: object, within: readonly object[]): unknown {
  if (within.includes(value)) return '[circular]';
  const inside = [...within, value];
  try {
    if (Array.isArray(value)) return value.map((item) => convert(item, inside) ?? null);
    const { toJSON } = value as { readonly toJSON?: unknown };
    if (typeof toJSON === 'function') return convert(toJSON.call(value) as unknown, inside);
    const fields = Object.entries(value).map(([name, field]) => [name, convert(field, inside)] as const);
    const named = value instanceof Error ? { name: value.name, message: value.message } : {};
    return { ...named, ...Object.fromEntries(fields.filter(([, field]) => field !== undefined)) };
  } catch (thrown) {
    // A getter or a toJSON of somebody else's threw.
    return `[unreadable: ${thrown instanceof Error ? thrown.message : 'it threw'}]`;
  }
}
