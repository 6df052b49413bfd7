import fc from 'fast-check';
import { expect, test } from 'vitest';
import { jsonFault, MAX_JSON_DEPTH, MAX_JSON_VALUES } from '../../src/data/json-rule.ts';

const nested = (levels: number): unknown => {
  let value: unknown = 1;
  for (let level = 0; level < levels; level += 1) value = level % 2 === 0 ? { a: value } : [value];
  return value;
};
const shared = (levels: number): unknown => {
  let value: unknown = 1;
  for (let level = 0; level < levels; level += 1) value = { a: value, b: value };
  return value;
};
const ring: Record<string, unknown> = {};
ring['self'] = ring;

test.each([
  [undefined, 'it is missing'],
  [{ rows: [{ total: Number.NaN }] }, '"rows.0.total" is NaN'],
  [Number.POSITIVE_INFINITY, 'it is Infinity'],
  [{ n: 2 ** 53 }, '"n" is a whole number beyond 2^53'],
  [{ n: -1e308 }, '"n" is a whole number beyond 2^53'],
  [{ n: 1n }, '"n" is a bigint'],
  [[Symbol('s')], '"0" is a symbol'],
  [{ call: () => 1 }, '"call" is a function'],
  ['a\0b', 'it is a text with U+0000'],
  [{ 'a\0b': 1 }, 'is a text with U+0000'],
  ['\ud800', 'it is a text with half of a surrogate pair'],
  [{ '\udfff': 1 }, 'is a text with half of a surrogate pair'],
  [{ seen: new Set([1]) }, '"seen" is a Set'],
  [new Map(), 'it is a Map'],
  [{ later: Promise.resolve(1) }, '"later" is a Promise'],
  [{ bytes: new Uint8Array(1) }, '"bytes" is a buffer'],
  [[1, undefined], '"1" is missing'],
  [ring, 'circular'],
  [nested(2_000), `more than ${MAX_JSON_DEPTH} levels deep`],
  [nested(MAX_JSON_DEPTH + 1), `more than ${MAX_JSON_DEPTH} levels deep`],
  [{ toJSON: () => Number.NaN }, 'it is NaN'],
])('%o is refused', (value, words) => {
  expect(jsonFault(value)).toContain(words);
});

test('a short value that takes for ever to walk through is refused soon', () => {
  expect(jsonFault(shared(60))).toContain(`beyond ${MAX_JSON_VALUES.toLocaleString('en-US')} values`);
  expect(jsonFault(Object.assign([], { length: 2 ** 32 - 1 }))).toContain('"0" is missing');
});

test.each([
  [null],
  [nested(MAX_JSON_DEPTH)],
  [shared(3)],
  [{ a: 1.5, b: -0, c: 2 ** 53 - 1, d: 1e-300, e: '\ud83d\ude00', f: undefined, at: new Date(0) }],
])('%o is JSON', (value) => {
  expect(jsonFault(value)).toBeNull();
});

test('what the rule lets through comes back from JSON as it was', () => {
  fc.assert(
    fc.property(fc.jsonValue({ maxDepth: 8, stringUnit: 'binary' }), (value) => {
      if (jsonFault(value) !== null) return;
      // JSON has no negative zero.
      expect(JSON.parse(JSON.stringify(value))).toEqual(
        JSON.parse(JSON.stringify(value), (_, field: unknown) => (Object.is(field, -0) ? 0 : field)),
      );
      expect(JSON.stringify(value)).not.toMatch(/\\u0000|\\ud[89a-f]/);
    }),
  );
});
