import { LongshoreError } from '@longshore/core';

/** Names that would reach an object's prototype instead of a field of it. */
const FORBIDDEN = new Set(['__proto__', 'constructor', 'prototype']);

type Meta = Record<string, unknown>;

/**
 * A meta with one more field, as `--set key=value` gives it. A dot in the key goes one level deeper. A value that is valid
 * JSON is that JSON (`true`, `8`, `["a"]`, `"8"`); any other value is text.
 *
 * @throws {LongshoreError} ARGUMENT_INVALID without `=`, with an empty name, or if a field on the path is no object.
 */
export function setValue(meta: Readonly<Meta>, assignment: string): Meta {
  const equals = assignment.indexOf('=');
  if (equals < 1) throw invalid(`--set ${assignment}: write it as key=value`);
  const names = assignment.slice(0, equals).split('.');
  if (names.some((name) => name === '' || FORBIDDEN.has(name))) throw invalid(`--set ${assignment}: not a field name`);
  return setField(meta, names, parseValue(assignment.slice(equals + 1)), assignment);
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

function parseValue(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}

function invalid(message: string): LongshoreError {
  return new LongshoreError('ARGUMENT_INVALID', message);
}
