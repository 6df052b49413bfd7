import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { readMeta } from '../src/meta/read-meta.ts';
import { setValue } from '../src/meta/set-value.ts';

describe('--set', () => {
  test.each([
    ['table=public.orders', { table: 'public.orders' }],
    ['header=true', { header: true }],
    ['chunkBytes=8388608', { chunkBytes: 8_388_608 }],
    ['nullText="5"', { nullText: '5' }],
    ['nullText=', { nullText: '' }],
    ['delimiter==', { delimiter: '=' }],
    ['files=["/a b.csv"]', { files: ['/a b.csv'] }],
    ['options.deep.name=x', { options: { deep: { name: 'x' } } }],
  ])('%s', (assignment, meta) => {
    expect(setValue({}, assignment)).toEqual(meta);
  });

  test('changes one field and leaves the others', () => {
    const meta = { table: 'a', options: { x: 1, y: 2 } };
    expect(setValue(meta, 'options.x=3')).toEqual({ table: 'a', options: { x: 3, y: 2 } });
    expect(meta).toEqual({ table: 'a', options: { x: 1, y: 2 } });
  });

  test.each(['table', '=x', '', 'a..b=1', '__proto__.polluted=1', 'a.constructor=1', 'list.x=1'])(
    'refuses %j',
    (assignment) => {
      expect(() => setValue({ list: [] }, assignment)).toThrow(expect.objectContaining({ code: 'ARGUMENT_INVALID' }));
      expect(({} as { polluted?: unknown }).polluted).toBeUndefined();
    },
  );
});

describe('--meta', () => {
  let folder: string;
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'longshore-cli-'));
    writeFileSync(join(folder, 'meta.json'), '\uFEFF{"table":"a","header":true}');
    writeFileSync(join(folder, 'list.json'), '[1]');
    writeFileSync(join(folder, 'broken.json'), '{"table":');
  });
  afterAll(() => rmSync(folder, { recursive: true }));

  test('is read first, --set over it', () => {
    expect(readMeta('meta.json', ['table=b'], folder)).toEqual({ table: 'b', header: true });
    expect(readMeta(undefined, [], folder)).toEqual({});
  });

  test.each([
    ['nowhere.json', 'the file does not exist'],
    ['list.json', 'must be a JSON object'],
    ['broken.json', 'is not JSON'],
    ['.', 'cannot be read'],
  ])('refuses %s', (file, reason) => {
    expect(() => readMeta(file, [], folder)).toThrow(reason);
  });
});
