import { LongshoreError } from '@longshore/core';
import { kindOf, kindsAt, type JsonKind } from './schema-kinds.ts';

/** Names that would reach an object's prototype instead of a field of it. */
const FORBIDDEN = new Set(['__proto__', 'constructor', 'prototype']);

type Meta = Record<string, unknown>;

/** A name of a key, plain or in double quotes: quoted it may have dots and equals signs. */
const NAME = '(?:"(?:[^"]|"")+"|[^".=][^.=]*)';
const ASSIGNMENT = new RegExp(`^(${NAME}(?:\\.${NAME})*)=(.*)$`, 's');

/**
 * A meta with one more field, as `--set key=value` gives it. A dot in the key goes one level deeper; a name with dots
 * stands in double quotes.
 *
 * The type's schema decides how the value is read. Where it wants text, the value is the text as it is: `0`, `null` and `"Total"`
 * with its quotes. Where it wants something else, or leaves it open, a value that is valid JSON of an allowed kind is that JSON
 * (`true`, `8`, `["a"]`), and any other value is text.
 *
 * @param schema - JSON Schema of the meta; undefined leaves everything open.
 * @throws {LongshoreError} ARGUMENT_INVALID without `=`, with an empty name, for text where the type wants a list, or if a field on the path
 * is no object.
 */
export function setValue(meta: Readonly<Meta>, assignment: string, schema?: unknown): Meta {
  if (assignment.indexOf('=') < 1) throw invalid(`--set ${assignment}: write it as key=value`);
  const [, key, text = ''] = ASSIGNMENT.exec(assignment) ?? [];
  const names = [...(key ?? '').matchAll(new RegExp(NAME, 'g'))].map(([name]) => unquoted(name));
  if (names.length === 0 || names.some((name) => FORBIDDEN.has(name))) {
    throw invalid(`--set ${assignment}: not a field name`);
  }
  return setField(meta, names, readValue(assignment, text, kindsAt(schema, names)), assignment);
}

/**
 * A meta with all fields of some `--set`, one after the other.
 *
 * @throws {LongshoreError} as {@link setValue}.
 */
export function setValues(meta: Readonly<Meta>, assignments: readonly string[], schema?: unknown): Meta {
  return assignments.reduce<Meta>((changed, assignment) => setValue(changed, assignment, schema), meta);
}

function unquoted(name: string): string {
  return name.startsWith('"') ? name.slice(1, -1).replaceAll('""', '"') : name;
}

function setField(meta: Readonly<Meta>, names: readonly string[], value: unknown, assignment: string): Meta {
  const [name = '', ...rest] = names;
  if (rest.length === 0) return { ...meta, [name]: value };
  const inner = Object.hasOwn(meta, name) ? meta[name] : {};
  if (typeof inner !== 'object' || inner === null || Array.isArray(inner)) {
    throw invalid(`--set ${assignment}: ${name} is not an object`);
  }
  return { ...meta, [name]: setField(inner as Meta, rest, value, assignment) };
}

function readValue(assignment: string, text: string, kinds: ReadonlySet<JsonKind> | null): unknown {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    if (kinds !== null && [...kinds].every((kind) => kind === 'array' || kind === 'null')) {
      const key = assignment.slice(0, assignment.length - text.length);
      const list = JSON.stringify(text.split(',').map((item) => item.trim()));
      throw invalid(`--set ${assignment}: it is a list; write it as JSON: --set '${key}${list}'`);
    }
    return text;
  }
  if (kinds === null || !kinds.has('string')) return value;
  // A text may look like JSON: it is what the type wants rather than what is in it.
  return kindOf(value) !== 'string' && kinds.has(kindOf(value)) ? value : text;
}

function invalid(message: string): LongshoreError {
  return new LongshoreError('ARGUMENT_INVALID', message);
}
