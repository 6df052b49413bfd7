import { expect, test } from 'vitest';
import { jsonText } from '../../src/channel/json-text.ts';

test('JSON stays JSON; dates become text, missing fields are left out', () => {
  expect(jsonText({ a: [1, null, 'x'], at: new Date(0), none: undefined }, 'it')).toBe(
    '{"a":[1,null,"x"],"at":"1970-01-01T00:00:00.000Z"}',
  );
});

const ring: Record<string, unknown> = {};
ring['self'] = ring;

test.each([
  [undefined, /the meta is not JSON: it is missing/],
  [{ count: 1n }, /"count" is a bigint/],
  [{ call: () => 1 }, /"call" is a function/],
  [[Symbol('s')], /"0" is a symbol/],
  [{ seen: new Set([1]) }, /"seen" is a Set/],
  [new Map(), /it is a Map/],
  [ring, /circular/],
])('%o is refused', (value, message) => {
  expect(() => jsonText(value, 'the meta')).toThrow(message);
  expect(() => jsonText(value, 'the meta')).toThrow(TypeError);
});
