import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { CsvErrorCode } from '../../src/csv/csv-error.ts';
import { ImportErrorCode } from '../../src/errors/import-error-code.ts';
import { defaultChunkBytes } from '../../src/meta/chunk-bytes.ts';
import { dialectOfMeta } from '../../src/meta/dialect-of-meta.ts';
import { importMeta, importMetaSchema } from '../../src/meta/import-meta.ts';

const least = { connection: 'target', table: 'items', files: '/data/items.csv' };

interface Schema {
  readonly properties: Readonly<Record<string, { readonly description?: string }>>;
  readonly required: readonly string[];
  readonly additionalProperties: boolean;
}

const schema = importMetaSchema['~standard'].jsonSchema.input({ target: 'draft-2020-12' }) as unknown as Schema;

test('the JSON Schema describes every field, asks for three, and allows no others', () => {
  for (const [name, property] of Object.entries(schema.properties)) {
    expect(property.description, name).toMatch(/\.$/);
  }
  expect(schema.required).toEqual(['connection', 'table', 'files']);
  expect(schema.additionalProperties).toBe(false);
});

test.each([
  ['CSV', {}, { delimiter: ',', quote: '"', escape: '"', nullText: '', header: false }],
  ['TSV', { format: 'tsv' }, { delimiter: '\t', quote: '\x7f', escape: '\x7f', isQuoted: false, nullText: '' }],
  ['TSV with quotes', { format: 'tsv', quote: '"' }, { delimiter: '\t', quote: '"', escape: '"', isQuoted: true }],
  ['CSV without quotes', { quote: '' }, { delimiter: ',', quote: '\x7f', escape: '\x7f', isQuoted: false }],
  ['another quote', { quote: "'" }, { delimiter: ',', quote: "'", escape: "'", nullText: '', header: false }],
  ['another delimiter of TSV', { format: 'tsv', delimiter: '|' }, { delimiter: '|', isQuoted: false }],
])('the dialect of %s', (_, meta, dialect) => {
  expect(dialectOfMeta(importMeta.parse({ ...least, ...meta }))).toMatchObject(dialect);
});

test('what the task writes into its meta is none of its public fields, and fits the whole', async () => {
  expect(schema.properties).not.toHaveProperty('prepared');
  const table = { name: 'public.items', isPartitioned: false };
  const meta = { ...least, prepared: { files: [], table, columns: ['"id"'], chunkBytes: 1 } };
  expect(await importMetaSchema['~standard'].validate(meta)).toMatchObject({ value: meta });
});

test.each([
  ['a relative path', { files: 'items.csv' }],
  ['a list with a relative path', { files: ['/data/a.csv', './b.csv'] }],
  ['a field that there is not', { rejects: 5 }],
  ['no files', { files: [] }],
  ['a delimiter of two characters', { delimiter: '||' }],
  ['a chunk that is too small', { chunkBytes: 1_000 }],
  ['a chunk that is too large', { chunkBytes: 2 ** 31 }],
])('a meta with %s fails its schema', (_, meta) => {
  expect(importMeta.safeParse({ ...least, ...meta }).success).toBe(false);
});

test.each([
  ['nothing', 0, 8],
  ['100 MB', 100e6, 8],
  ['500 MB', 500e6, 30],
  ['1 TB', 1e12, 32],
])('chunks of %s have whole MiB between 8 and 32', (_, totalBytes, mib) => {
  expect(defaultChunkBytes(totalBytes)).toBe(mib * 2 ** 20);
});

test('the README lists every field and every error code, and no other', async () => {
  const readme = await readFile(new URL('../../README.md', import.meta.url), 'utf8');
  const rows = (pattern: RegExp): string[] => [...readme.matchAll(pattern)].map((match) => match[1] ?? '').sort();
  expect(rows(/^\| `([a-z]\w+)`/gm)).toEqual(Object.keys(schema.properties).sort());
  const csvCodes = Object.values(CsvErrorCode).filter((code) => code !== CsvErrorCode.DialectInvalid);
  const codes = [...Object.values(ImportErrorCode), ...csvCodes.map((code) => code.replace('CSV_', 'IMPORT_'))];
  expect(rows(/^\| `(IMPORT_\w+)`/gm)).toEqual(codes.sort());
});
