import fc from 'fast-check';
import { expect, test } from 'vitest';
import { toJsonData } from '../../src/data/json-data.ts';

const ring: Record<string, unknown> = { name: 'ring' };
ring['self'] = ring;
const shared = { x: 1 };

test.each<[what: string, value: unknown, data: unknown]>([
  ['a bigint', 2n ** 60n, '1152921504606846976'],
  ['a symbol', Symbol('s'), 'Symbol(s)'],
  ['a negative zero, which JSON does not have', [-0, { zero: -0 }], [0, { zero: 0 }]],
  ['no number', [Number.NaN, Number.POSITIVE_INFINITY], ['NaN', 'Infinity']],
  ['a function', { call: () => 1, stays: 1 }, { stays: 1 }],
  ['a hole in a list', [1, undefined, 2], [1, null, 2]],
  ['a date', new Date(0), '1970-01-01T00:00:00.000Z'],
  [
    'an error with fields',
    Object.assign(new TypeError('bad'), { code: 'X' }),
    { name: 'TypeError', message: 'bad', code: 'X' },
  ],
  ['a ring', ring, { name: 'ring', self: '[circular]' }],
  ['the same object twice, which is no ring', [shared, shared], [{ x: 1 }, { x: 1 }]],
  [
    'a getter that throws',
    {
      get field() {
        throw new Error('no');
      },
    },
    '[unreadable: no]',
  ],
  ['an object without a prototype', Object.create(null), {}],
])('%s', (_, value, data) => {
  expect(toJsonData(value)).toEqual(data);
});

test('of very many values the first ones are kept', () => {
  let value: unknown = 1;
  for (let level = 0; level < 60; level += 1) value = { a: value, b: value };
  expect(JSON.stringify(toJsonData(value)).length).toBeLessThan(200_000);
  expect((toJsonData(Object.assign([], { length: 2 ** 32 - 1 })) as unknown[]).length).toBe(10_000);
});

test('JSON stays what it is', () => {
  fc.assert(
    fc.property(fc.jsonValue(), (value) => {
      expect(toJsonData(value)).toEqual(JSON.parse(JSON.stringify(value)));
    }),
  );
});

test('whatever it is given, the result can be sent', () => {
  fc.assert(
    fc.property(
      fc.anything({ withBigInt: true, withDate: true, withMap: true, withSet: true, withNullPrototype: true }),
      (value) => {
        const data = toJsonData(value);
        expect(() => structuredClone(data)).not.toThrow();
        expect(() => JSON.stringify(data)).not.toThrow();
      },
    ),
  );
});
