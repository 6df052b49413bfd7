import { readFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { expect, test } from 'vitest';
import { referencePages } from '../src/reference-pages.ts';

const pages = await referencePages();

test.each(pages)('$file says what the sources say', async ({ file, text }) => {
  const committed = await readFile(file, 'utf8').catch(() => '');
  expect(committed, `${basename(file)} is old; run: npm run generate --workspace @longshore/docs-tools`).toBe(text);
});
