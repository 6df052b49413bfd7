import type { Ajv2020, Format } from 'ajv/dist/2020.js';
import { linearPattern, type LinearPattern } from './linear-pattern.ts';

/** Longest text of a format, in characters: no address, date or name is longer. */
const MAX_FORMATTED = 2_048;
/** Formats of data: they may be as long as a meta, and are checked by expressions that can't branch. */
const DATA_FORMATS: ReadonlySet<string> = new Set(['byte', 'binary', 'password']);

/** Makes Ajv's formats such that each takes time in proportion to its text, or takes short texts only. */
export function boundFormats(ajv: Ajv2020): void {
  for (const [name, format] of Object.entries(ajv.formats)) {
    if (format === undefined || DATA_FORMATS.has(name)) continue;
    const check = checkOf(format);
    if (check !== null)
      ajv.addFormat(name, { type: 'string', validate: (text) => text.length <= MAX_FORMATTED && check(text) });
  }
}

/** Null: it is not a format of texts. */
function checkOf(format: Format): ((text: string) => boolean) | null {
  if (format instanceof RegExp) {
    const pattern = linearOf(format);
    return (text) => pattern.test(text);
  }
  if (typeof format === 'function') return format;
  if (typeof format !== 'object' || format.type === 'number') return null;
  const { validate } = format as { readonly validate?: unknown };
  if (validate instanceof RegExp) return checkOf(validate);
  return typeof validate === 'function' ? (text) => (validate as (text: string) => unknown)(text) === true : null;
}

function linearOf(format: RegExp): LinearPattern | RegExp {
  try {
    return linearPattern(format.source, format.ignoreCase);
  } catch {
    // It looks ahead. The length of the text bounds it.
    return format;
  }
}

/** `uniqueItems` by one look at each item. Ajv compares each with each: a minute for the items that a meta has room for. */
export function replaceUniqueItems(ajv: Ajv2020): void {
  ajv.removeKeyword('uniqueItems');
  ajv.addKeyword({
    keyword: 'uniqueItems',
    type: 'array',
    schemaType: 'boolean',
    validate: (isWanted: boolean, items: readonly unknown[]) =>
      !isWanted || new Set(items.map(canonicalText)).size === items.length,
    error: { message: 'must not have the same item twice' },
  });
}

/** A value's text, the same for equal values: names are in order. */
export function canonicalText(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(canonicalText).join(',')}]`;
  if (typeof value !== 'object' || value === null) return JSON.stringify(value ?? null);
  const entries = Object.entries(value)
    .filter(([, field]) => field !== undefined)
    .toSorted(([a], [b]) => (a < b ? -1 : 1));
  return `{${entries.map(([name, field]) => `${JSON.stringify(name)}:${canonicalText(field)}`).join(',')}}`;
}
