import { hasCode, LongshoreError } from '@longshore/core';
import type { StoredType } from '@longshore/store';
import { describe, expect, test } from 'vitest';
import { MetaValidator } from '../../src/checking/meta-validator.ts';

const typeOf = (schema: Record<string, unknown>): StoredType => ({
  type: 'toy',
  version: '1.0.0',
  description: '',
  contract: 1,
  steps: ['load'],
  hooks: [],
  defaults: {},
  schema,
});

/** A loop in one piece: no time limit of a test could end it. */
const MOST_TRIES = 20;

/** As a caller does it: what a machine that is too busy could not check is sent again. */
function check(schema: Record<string, unknown>, meta: Record<string, unknown>): unknown {
  const validator = new MetaValidator();
  for (let tries = 1; ; tries += 1) {
    try {
      return validator.validate(typeOf(schema), meta);
    } catch (thrown) {
      if (!hasCode(thrown, 'OVERLOADED') || tries === MOST_TRIES) throw thrown;
    }
  }
}

const field = (schema: Record<string, unknown>) => ({ type: 'object', properties: { a: schema } });

/** The code of what a check throws; null: nothing. */
function refusal(schema: Record<string, unknown>, meta: Record<string, unknown>): string | null {
  try {
    check(schema, meta);
    return null;
  } catch (thrown) {
    return LongshoreError.is(thrown) ? thrown.code : String(thrown);
  }
}

test('a meta gets its defaults, and an error names every field', () => {
  const schema = {
    type: 'object',
    properties: { a: { type: 'string', default: 'x' }, b: { type: 'number' }, c: { enum: [1, 2] } },
    required: ['b'],
  };
  expect(check(schema, { b: 1 })).toEqual({ a: 'x', b: 1 });
  expect(() => check(schema, { c: 3 })).toThrow('b is missing; c must be one of [1,2]');
});

describe('of a choice an error tells what is wrong with the one that was meant', () => {
  const path = { type: 'string', pattern: '^/', errorMessage: 'must be an absolute path' };
  const schema = field({ anyOf: [path, { type: 'array', items: path, minItems: 1 }] });
  test.each([
    ['a.csv', 'a must be an absolute path'],
    [['/a.csv', 'b.csv'], 'a.1 must be an absolute path'],
    [[], 'a must NOT have fewer than 1 items'],
    [7, 'a must be string or array'],
  ])('%j: %s', (value, problem) => {
    expect(() => check(schema, { a: value })).toThrow(`meta of toy: ${problem}. See`);
  });
});

const LONG = `${'a'.repeat(60_000)}!`;

// Seen before, for the first: the owner stood still, then its standby, then each restart.
describe('a look at a meta comes to its end', () => {
  test.each<[what: string, schema: Record<string, unknown>, value: unknown]>([
    ['a pattern with a choice in a choice', { type: 'string', pattern: '^([a-z0-9]+-?)+$' }, LONG],
    [
      'a name’s pattern',
      { patternProperties: { '^(a+)+$': { type: 'number' } }, additionalProperties: false },
      { [LONG]: 1 },
    ],
    ['a format', { type: 'string', format: 'email' }, `${'a'.repeat(2_000)}@${'a-'.repeat(30_000)}`],
    ['a format that looks ahead', { type: 'string', format: 'url' }, `http://${'a-'.repeat(30_000)}`],
    ['a format with a choice in a choice', { type: 'string', format: 'uri-reference' }, `${'%41'.repeat(20_000)}%`],
    [
      'the same item twice',
      { type: 'array', uniqueItems: true },
      [...Array.from({ length: 30_000 }, (_, n) => [n]), [7]],
    ],
    [
      'many errors',
      { type: 'array', items: { type: 'string', minLength: 3 } },
      Array.from({ length: 60_000 }, () => 1),
    ],
  ])('%s', (_, schema, value) => {
    expect(refusal(field(schema), { a: value })).toBe('META_INVALID');
  });

  test('a schema that refers to itself in two ways', () => {
    const list = {
      anyOf: [
        { type: 'object', properties: { a: { $ref: '#/$defs/list' } }, required: ['end'] },
        { type: 'object', properties: { a: { $ref: '#/$defs/list' } }, required: ['stop'] },
      ],
    };
    let meta: Record<string, unknown> = { a: 1 };
    for (let level = 0; level < 60; level += 1) meta = { a: meta };
    expect(refusal({ $defs: { list }, $ref: '#/$defs/list' }, meta)).toBe('META_INVALID');
  });

  test('a schema that is itself', () => {
    const schema = { $defs: { self: { $ref: '#/$defs/self' } }, properties: { a: { $ref: '#/$defs/self' } } };
    expect(refusal(schema, { a: 1 })).toBe('PLUGIN_INVALID');
  });
});

test.each([
  ['pattern', '^[a-z]{2,20}$', 'abc', '1'],
  ['pattern', '^\\p{L}+$', 'Zoë', '1'],
  ['pattern', '^(?<year>\\d{4})-\\d{2}$', '2026-11', '26-11'],
  ['pattern', '^\\u0041\\/b$', 'A/b', 'a/b'],
  ['format', 'email', 'a@example.org', 'a@'],
  ['format', 'date-time', '2026-11-26T12:00:00Z', 'today'],
  ['format', 'uri', 'https://example.org/a?b#c', 'no uri'],
  ['format', 'uuid', '7b3d2f44-3a1f-4b1a-9c2e-0d6f6f6f6f6f', '7b3d'],
  ['format', 'ipv6', '::1', '::g'],
  ['format', 'hostname', 'db-1.example.org', '-'],
  ['format', 'duration', 'P1DT2H', '1 day'],
])('%s %s takes %j and not %j', (keyword, rule, good, bad) => {
  const schema = field({ type: 'string', [keyword]: rule });
  expect([refusal(schema, { a: good }), refusal(schema, { a: bad })]).toEqual([null, 'META_INVALID']);
});

test('uniqueItems compares values', () => {
  const schema = field({ type: 'array', uniqueItems: true });
  expect(refusal(schema, { a: [{ x: 1, y: 2 }, { y: 1, x: 2 }, '1', 1] })).toBeNull();
  expect(
    refusal(schema, {
      a: [
        { x: 1, y: 2 },
        { y: 2, x: 1 },
      ],
    }),
  ).toBe('META_INVALID');
  expect(refusal(field({ type: 'array', uniqueItems: false }), { a: [1, 1] })).toBeNull();
});

test.each(['(?=a)b', '(a)\\1', '(?<!a)b', '('])('a schema with the pattern %s can’t be used', (pattern) => {
  expect(refusal(field({ type: 'string', pattern }), { a: 'b' })).toBe('PLUGIN_INVALID');
});
