import addIndex from '@longshore/plugin-add-index';
import backfill from '@longshore/plugin-backfill';
import importType from '@longshore/plugin-import';
import { describe, expect, test } from 'vitest';
import { setValue, setValues } from '../src/meta/set-value.ts';
import { kindsAt } from '../src/meta/schema-kinds.ts';

/** The schemas that executors register. */
const schemaOf = (type: { readonly meta: unknown }): unknown =>
  (type.meta as typeof backfill.meta)['~standard'].jsonSchema.input({ target: 'draft-2020-12' });

const schemas = { backfill: schemaOf(backfill), import: schemaOf(importType), 'add-index': schemaOf(addIndex) };

describe("a value is what the type's schema wants", () => {
  test.each<readonly [keyof typeof schemas, string, object]>([
    ['backfill', 'set.x="Total"', { set: { x: '"Total"' } }],
    ['backfill', 'table="Orders"', { table: '"Orders"' }],
    ['backfill', 'set.x=0', { set: { x: '0' } }],
    ['backfill', 'set.x=-1', { set: { x: '-1' } }],
    ['backfill', 'set.f=false', { set: { f: 'false' } }],
    ['backfill', 'set.n=null', { set: { n: 'null' } }],
    ['backfill', "set.a='{1,2}'", { set: { a: "'{1,2}'" } }],
    ['backfill', 'set.a=[1]', { set: { a: '[1]' } }],
    ['backfill', 'set."a.b"=1', { set: { 'a.b': '1' } }],
    ['backfill', 'set."say ""a=b"""=a = b', { set: { 'say "a=b"': 'a = b' } }],
    ['backfill', 'where="Done" = 1', { where: '"Done" = 1' }],
    ['backfill', 'set={"x":"1"}', { set: { x: '1' } }],
    ['backfill', 'targetBatchMs=50', { targetBatchMs: 50 }],
    ['backfill', 'dryRun=true', { dryRun: true }],
    ['import', 'nullText=5', { nullText: '5' }],
    ['import', 'nullText=null', { nullText: 'null' }],
    ['import', 'quote="', { quote: '"' }],
    ['import', 'header=true', { header: true }],
    ['import', 'files=["/a","/b"]', { files: ['/a', '/b'] }],
    ['import', 'files=/2026/[1-9].csv', { files: '/2026/[1-9].csv' }],
    ['import', 'columns=["id","note"]', { columns: ['id', 'note'] }],
    ['add-index', 'index.name="By Total"', { index: { name: '"By Total"' } }],
    ['add-index', 'index.columns=["id"]', { index: { columns: ['id'] } }],
    ['add-index', 'index.with.fillfactor=70', { index: { with: { fillfactor: 70 } } }],
    ['add-index', 'index.with.buffering=auto', { index: { with: { buffering: 'auto' } } }],
    ['add-index', 'index.unique=true', { index: { unique: true } }],
  ])('%s: %s', (type, assignment, meta) => {
    expect(setValue({}, assignment, schemas[type])).toEqual(meta);
  });

  test.each<readonly [keyof typeof schemas, string, string]>([
    ['import', 'columns=id, note', `--set 'columns=["id","note"]'`],
    ['add-index', 'index.columns=id', `--set 'index.columns=["id"]'`],
  ])('%s: %s is refused, with how to write it', (type, assignment, spelling) => {
    expect(() => setValue({}, assignment, schemas[type])).toThrow(`it is a list; write it as JSON: ${spelling}`);
  });

  test('one after the other', () => {
    expect(setValues({ table: 'a' }, ['set.x=1', 'set.y=x'], schemas.backfill)).toEqual({
      table: 'a',
      set: { x: '1', y: 'x' },
    });
  });
});

test.each<readonly [string, unknown, readonly string[], readonly string[] | null]>([
  ['a field that is not there', { type: 'object', properties: {}, additionalProperties: false }, ['a'], null],
  ['no schema', undefined, ['a'], null],
  ['a schema that allows all', { properties: { a: {} } }, ['a'], null],
  ['several types', { properties: { a: { type: ['string', 'null'] } } }, ['a'], ['string', 'null']],
  ['values of an enum', { properties: { a: { enum: ['x', 1, null] } } }, ['a'], ['string', 'number', 'null']],
  ['a constant', { properties: { a: { const: 'x' } } }, ['a'], ['string']],
  [
    'a reference',
    { $ref: '#/$defs/m', $defs: { m: { properties: { a: { $ref: '#/$defs/t' } } }, t: { type: 'string' } } },
    ['a'],
    ['string'],
  ],
  ['a reference to itself', { properties: { a: { $ref: '#/properties/a' } } }, ['a'], null],
  [
    'a choice of objects',
    { oneOf: [{ properties: { a: { type: 'string' } } }, { properties: { a: { type: 'integer' } } }] },
    ['a'],
    ['string', 'number'],
  ],
])('the kinds of %s', (_, schema, path, kinds) => {
  const found = kindsAt(schema, path);
  expect(found === null ? null : [...found]).toEqual(kinds);
});
