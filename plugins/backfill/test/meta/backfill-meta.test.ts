import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { BackfillErrorCode } from '../../src/errors/backfill-error-code.ts';
import { backfillMeta } from '../../src/meta/backfill-meta.ts';

interface Schema {
  readonly properties: Readonly<Record<string, { readonly description?: string }>>;
  readonly required: readonly string[];
  readonly additionalProperties: boolean;
}

const schema = backfillMeta['~standard'].jsonSchema.input({ target: 'draft-2020-12' }) as unknown as Schema;

test('the JSON Schema describes every field, asks for three, and allows no others', () => {
  for (const [name, property] of Object.entries(schema.properties)) {
    expect(property.description, name).toMatch(/\.$/);
  }
  expect(schema.required.toSorted()).toEqual(['connection', 'set', 'table']);
  expect(schema.additionalProperties).toBe(false);
});

test('the README lists every field and every error code, and no other', async () => {
  const readme = await readFile(new URL('../../README.md', import.meta.url), 'utf8');
  const rows = (pattern: RegExp): string[] => [...readme.matchAll(pattern)].map((match) => match[1] ?? '').sort();
  expect(rows(/^\| `([a-z]\w+)`/gm)).toEqual(Object.keys(schema.properties).sort());
  expect(rows(/^\| `(BACKFILL_\w+)`/gm)).toEqual(Object.values(BackfillErrorCode).sort());
});
