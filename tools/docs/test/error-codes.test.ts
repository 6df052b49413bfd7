import { globSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { ERROR_CODES } from '@longshore/core';
import { expect, test } from 'vitest';

const root = fileURLToPath(new URL('../../../', import.meta.url));

/** Sources of packages and services; the table itself proves nothing. */
const sources = globSync(['libs/*/src/**/*.ts', 'apps/*/src/**/*.ts'], { cwd: root })
  .filter((file) => !file.endsWith('error-codes.ts'))
  .map((file) => readFileSync(`${root}${file}`, 'utf8'))
  .join('\n');

test.each(Object.keys(ERROR_CODES))('%s is raised somewhere', (code) => {
  expect(sources.includes(`'${code}'`), `nothing raises ${code}: use it or take it out of the table`).toBe(true);
});
