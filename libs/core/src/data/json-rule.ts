/** Levels of objects and arrays within each other, at most. A value of 2,000 levels could not even be handed to another thread. */
export const MAX_JSON_DEPTH = 64;

/**
 * Values in one value, at most, each counted as often as it is named: 160,000 are in the largest meta with the largest checkpoint. Objects that name
 * the same object twice on each of 60 levels are a short message and 2^60 values, and an array can have 2^32 places without an item.
 */
export const MAX_JSON_VALUES = 250_000;

/** What of a value is not JSON, with the names that lead to it. */
interface Fault {
  readonly path: readonly (string | number)[];
  readonly reason: string;
}

/**
 * What of a value JSON, or the store, would lose, change or refuse; null: nothing. This is the one rule for what plugins and clients send:
 * numbers are finite, and whole ones exact (at most 2^53 - 1); texts and names are well-formed Unicode without U+0000; arrays have an item in each
 * place; objects and arrays go at most {@link MAX_JSON_DEPTH} levels deep and have at most {@link MAX_JSON_VALUES} values. An object with `toJSON`
 * counts as what that returns.
 *
 * @param most how many values it may have, for what has a limit in bytes: JSON has at least two bytes for each. Default {@link MAX_JSON_VALUES}.
 * @returns words for a message: `it is missing`, `"rows.3.total" is NaN`.
 */
export function jsonFault(value: unknown, most = MAX_JSON_VALUES): string | null {
  const fault = value === undefined ? at('missing') : faultOf(value, 0, { most, left: most });
  if (fault === null) return null;
  return `${fault.path.length === 0 ? 'it' : JSON.stringify(fault.path.join('.'))} is ${fault.reason}`;
}

/** Values that may still come. */
interface Budget {
  readonly most: number;
  left: number;
}

function faultOf(value: unknown, depth: number, budget: Budget): Fault | null {
  switch (typeof value) {
    case 'string':
      return textFault(value);
    case 'number':
      return numberFault(value);
    case 'boolean':
    case 'undefined':
      return null;
    case 'object':
      return value === null ? null : objectFault(value, depth, budget);
    case 'bigint':
    case 'function':
    case 'symbol':
      return at(`a ${typeof value}`);
  }
}

function textFault(text: string): Fault | null {
  if (text.includes('\0')) return at('a text with U+0000');
  return text.isWellFormed() ? null : at('a text with half of a surrogate pair');
}

function numberFault(value: number): Fault | null {
  if (!Number.isFinite(value)) return at(String(value));
  if (!Number.isInteger(value) || Number.isSafeInteger(value)) return null;
  return at('a whole number beyond 2^53, which loses digits; write it as text');
}

function objectFault(value: object, depth: number, budget: Budget): Fault | null {
  if (depth >= MAX_JSON_DEPTH) return at(`more than ${MAX_JSON_DEPTH} levels deep, or circular`);
  if (Array.isArray(value)) {
    for (const [index, item] of value.entries()) {
      // JSON would make it null, which says something else.
      if (item === undefined) return within(index, at('missing'));
      const fault = spent(budget) ?? faultOf(item, depth + 1, budget);
      if (fault !== null) return within(index, fault);
    }
    return null;
  }
  const { toJSON } = value as { readonly toJSON?: unknown };
  if (typeof toJSON === 'function') return faultOf(toJSON.call(value) as unknown, depth + 1, budget);
  const other = NO_JSON.find(({ is }) => is(value));
  if (other !== undefined) return at(other.name);
  for (const [name, field] of Object.entries(value)) {
    const fault = spent(budget) ?? textFault(name) ?? faultOf(field, depth + 1, budget);
    if (fault !== null) return within(name, fault);
  }
  return null;
}

function spent(budget: Budget): Fault | null {
  budget.left -= 1;
  return budget.left < 0 ? at(`beyond ${budget.most.toLocaleString('en-US')} values`) : null;
}

/** Objects that JSON writes as `{}`, or as something that nobody would know again. */
const NO_JSON: readonly { readonly name: string; readonly is: (value: object) => boolean }[] = [
  { name: 'a Map', is: (value) => value instanceof Map },
  { name: 'a Set', is: (value) => value instanceof Set },
  { name: 'a Promise', is: (value) => value instanceof Promise },
  { name: 'a RegExp', is: (value) => value instanceof RegExp },
  { name: 'a buffer', is: (value) => ArrayBuffer.isView(value) || value instanceof ArrayBuffer },
];

function at(reason: string): Fault {
  return { path: [], reason };
}

function within(name: string | number, { path, reason }: Fault): Fault {
  return { path: [name, ...path], reason };
}
