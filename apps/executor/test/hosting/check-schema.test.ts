import { expect, test } from 'vitest';
import { checkSchema } from '../../src/hosting/check-schema.ts';

const check = (schema: Record<string, unknown>) => () => checkSchema('@acme/toy', { type: 'toy', schema });

// Seen before: such a type was registered, and one meta stopped every owner.
test.each<[what: string, schema: Record<string, unknown>]>([
  ['a field', { properties: { a: { pattern: '^(?!x)' } } }],
  ['an item of a choice', { anyOf: [{ type: 'string' }, { items: { pattern: '(a)\\1' } }] }],
  ['a name', { patternProperties: { '(?<=a)b': { type: 'string' } } }],
])('a pattern of %s that needs more than linear time is refused', (_, schema) => {
  expect(check(schema)).toThrow(expect.objectContaining({ code: 'PLUGIN_INVALID' }) as Error);
});

test('a pattern that is data is none', () => {
  const schema = { properties: { pattern: { default: { pattern: '(?=x)' }, pattern: '^([a-z0-9]+-?)+$' } } };
  expect(check(schema)).not.toThrow();
});
