import { Linter, type Rule } from 'eslint';
import { expect, test } from 'vitest';

const file = new URL('../../../eslint-no-own-instanceof.js', import.meta.url);
const { noOwnInstanceof } = (await import(file.href)) as { readonly noOwnInstanceof: Rule.RuleModule };

test.each([
  ['a class of the SDK', "import { TaskTypeError } from '@longshore/sdk';\nx instanceof TaskTypeError;", true],
  ['a class of a package of ours', "import { RemoteError as R } from '@longshore/client';\nx instanceof R;", true],
  ['a class of the same package', "import { CsvError } from './csv-error.ts';\nx instanceof CsvError;", true],
  ['a class of the same file', 'class Ended extends Error {}\nx instanceof Ended;', true],
  ['a class behind a namespace', "import * as sdk from '@longshore/sdk';\nx instanceof sdk.TaskTypeError;", true],
  ['a built-in', 'x instanceof Error || x instanceof Map;', false],
  ['a class of somebody else', "import pg from 'pg';\nx instanceof pg.DatabaseError;", false],
  ['a built-in where one of ours is imported', "import { CsvError } from './csv-error.ts';\nx instanceof URL;", false],
])('instanceof of %s', (_, code, isRefused) => {
  const rules = { 'longshore/no-own-instanceof': 'error' } as const;
  const plugins = { longshore: { rules: { 'no-own-instanceof': noOwnInstanceof } } };
  const messages = new Linter().verify(code, [{ plugins, rules }]);
  expect(messages.map(({ ruleId }) => ruleId)).toEqual(isRefused ? ['longshore/no-own-instanceof'] : []);
});
