import { readFile } from 'node:fs/promises';
import { expect, test } from 'vitest';
import { AddIndexErrorCode } from '../src/index.ts';

test('the README lists every error code, and no other', async () => {
  const readme = await readFile(new URL('../README.md', import.meta.url), 'utf8');
  const listed = [...readme.matchAll(/^\| `(ADD_INDEX_[A-Z_]+)`/gm)].map(([, code]) => code);
  expect(listed.toSorted()).toEqual(Object.values(AddIndexErrorCode).toSorted());
});
