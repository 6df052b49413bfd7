import { globSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

import { expect, test } from 'vitest';

import { embeddedErrorCodes, EmbeddedError } from '../src/errors.ts';

test('every code is thrown somewhere, and documented where it can be caught', () => {
  const folder = join(import.meta.dirname, '..', 'src');
  const files = globSync('**/*.ts', { cwd: folder }).filter((each) => !each.startsWith('errors.'));
  const sources = files.map((file) => readFileSync(join(folder, file), 'utf8')).join('\n');
  for (const [name, code] of Object.entries(embeddedErrorCodes)) {
    expect(sources, name).toContain(`embeddedErrorCodes.${name}`);
    expect(sources, code).toContain(`\`${code}\``);
  }
});

test('an error keeps its cause and what the process wrote', () => {
  const cause = new Error('below');
  const error = new EmbeddedError('CODE', 'above', { cause, output: ['line'], permanent: true });
  expect(error).toMatchObject({ name: 'EmbeddedError', code: 'CODE', cause, output: ['line'], permanent: true });
  expect(new EmbeddedError('CODE', 'above')).toMatchObject({ permanent: false, output: [] });
});
