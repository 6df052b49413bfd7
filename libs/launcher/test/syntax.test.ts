import { Linter } from 'eslint';
import { globSync, readFileSync } from 'node:fs';
import { basename } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));
/** Loaded only by a Node that is recent enough. */
const RECENT = 'run-here.cjs';
const files = globSync(['libs/launcher/src/*.cjs', 'apps/*/bin/*'], { cwd: ROOT }).filter(
  (file) => basename(file) !== RECENT,
);

test('each program has its bin', () => {
  expect(files.filter((file) => file.startsWith('apps')).map((file) => basename(file, '.cjs'))).toEqual(
    expect.arrayContaining([
      'longshore',
      'longshore-balancer',
      'longshore-executor',
      'longshore-node-manager',
      'longshore-owner',
    ]),
  );
});

test.each(files)('%s can be parsed by Node 8 and loads nothing that it does not have', (file) => {
  const text = readFileSync(`${ROOT}/${file}`, 'utf8');
  const messages = new Linter().verify(text, { languageOptions: { ecmaVersion: 2017, sourceType: 'commonjs' } });
  expect(messages).toEqual([]);
  expect(text).not.toContain("require('node:");
});
