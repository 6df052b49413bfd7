import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { parseOptions } from '../src/option-set.ts';
import { COMMON_OPTIONS } from '../src/common-options.ts';
import { readSecret } from '../src/read-secret.ts';

const folder = mkdtempSync(join(tmpdir(), 'longshore-secret-'));
afterAll(() => rmSync(folder, { recursive: true }));
const file = (name: string, text: string): string => {
  writeFileSync(join(folder, name), text);
  return join(folder, name);
};

test.each([
  ['its variable', { TOKEN: 's3cret' }, 's3cret'],
  ['a file', { TOKEN_FILE: file('plain', 's3cret') }, 's3cret'],
  ['a file that ends with a line’s end', { TOKEN_FILE: file('line', 's3 cret\n') }, 's3 cret'],
  ['nothing', { TOKEN: '', TOKEN_FILE: '' }, undefined],
])('a secret comes from %s', (_, env, secret) => {
  expect(readSecret('TOKEN', env)).toBe(secret);
});

test.each([
  ['both', { TOKEN: 's3cret', TOKEN_FILE: file('both', 's3cret') }, 'not both'],
  ['no file', { TOKEN_FILE: join(folder, 'nowhere') }, 'ENOENT'],
  ['an empty file', { TOKEN_FILE: file('empty', '\n') }, 'is empty'],
])('with %s it is refused, and never shown', (_, env, words) => {
  expect(() => readSecret('TOKEN', env)).toThrow(
    expect.objectContaining({ code: 'CONFIG_INVALID', message: expect.stringContaining(words) as string }) as Error,
  );
  expect(() => readSecret('TOKEN', env)).toThrow(
    expect.not.objectContaining({ message: expect.stringContaining('s3cret') as string }) as Error,
  );
});

test('every secret option may come from a file, and others may not', () => {
  const env = {
    LONGSHORE_DATABASE_URL_FILE: file('url', 'postgres://longshore:s3cret@store/longshore\n'),
    LONGSHORE_NATS_TOKEN_FILE: file('token', 's3cret'),
    LONGSHORE_NATS_USER_FILE: file('user', 'somebody'),
  };
  const config = parseOptions('longshore-test', 'A test.', COMMON_OPTIONS, [], env);
  expect(config).toMatchObject({ databaseUrl: 'postgres://longshore:s3cret@store/longshore', natsToken: 's3cret' });
  expect(config.natsUser).toBeUndefined();
  expect(() =>
    parseOptions('longshore-test', 'A test.', COMMON_OPTIONS, [], { LONGSHORE_DATABASE_URL_FILE: '/nowhere' }),
  ).toThrow(/LONGSHORE_DATABASE_URL_FILE names \/nowhere/);
});
