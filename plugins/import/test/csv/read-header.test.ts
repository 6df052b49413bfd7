import { mkdtemp, open, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { csvDefaults, tsvDefaults } from '../../src/csv/dialect.ts';
import { parseHeader, readHeader } from '../../src/csv/read-header.ts';

test.each([
  ['plain names', 'id,name\n1,a\n', csvDefaults, ['id', 'name'], 8],
  ['CRLF', 'id,name\r\n1,a\r\n', csvDefaults, ['id', 'name'], 9],
  ['CR', 'id,name\r1,a\r', csvDefaults, ['id', 'name'], 8],
  ['no line end', 'id,name', csvDefaults, ['id', 'name'], 7],
  ['a byte order mark', '\ufeffid,näme\n', csvDefaults, ['id', 'näme'], 12],
  ['quotes, doubled quotes and a delimiter in a name', '"a ""b"", c",d\n', csvDefaults, ['a "b", c', 'd'], 15],
  ['a name over lines', '"a\nb",c\n', csvDefaults, ['a\nb', 'c'], 8],
  ['a quote in the middle of a name', 'a"b,"c,d\n', csvDefaults, ['ab,c', 'd'], 9],
  ['empty names', ',a,\n', csvDefaults, ['', 'a', ''], 4],
  ['tabs', 'a b\tc,d\n', tsvDefaults, ['a b', 'c,d'], 8],
  ['an escape', '"a\\"b\\\\c\\d"\n', { ...csvDefaults, escape: '\\' }, ['a"b\\c\\d'], 12],
])('a header with %s', (_, text, dialect, columns, dataStart) => {
  expect(parseHeader(Buffer.from(text), dialect, true)).toEqual({ columns, dataStart });
});

test.each([
  ['CSV_HEADER_MISSING', Buffer.from(''), true],
  ['CSV_HEADER_MISSING', Buffer.from('\ufeff'), true],
  ['CSV_UNTERMINATED_QUOTE', Buffer.from('"a\nb\n'), true],
  ['CSV_HEADER_TOO_LONG', Buffer.from('"a\nb\n'), false],
  ['CSV_HEADER_TOO_LONG', Buffer.from('a,b\r'), false],
  ['CSV_HEADER_ENCODING_INVALID', Buffer.from('a,\xe4\n', 'latin1'), true],
])('%s for %o', (code, bytes, isWhole) => {
  expect(() => parseHeader(bytes, csvDefaults, isWhole)).toThrow(expect.objectContaining({ code, permanent: true }));
});

test('the header is read from a file', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'read-header-'));
  await writeFile(join(folder, 'a.csv'), `a,b\n${'1,2\n'.repeat(1_000_000)}`);
  const file = await open(join(folder, 'a.csv'));
  try {
    expect(await readHeader(file, csvDefaults)).toEqual({ columns: ['a', 'b'], dataStart: 4 });
  } finally {
    await file.close();
    await rm(folder, { recursive: true });
  }
});
