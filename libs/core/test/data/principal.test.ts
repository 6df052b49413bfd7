import { expect, test } from 'vitest';
import { isPrincipalText, MAX_PRINCIPAL_NAME } from '../../src/data/principal.ts';

test.each(['alice', 'Zoë Ünal', '李雷', 'alice@example.org', 'CORP\\alice', 'cn=alice,ou=ops', '👷', 'x'.repeat(128)])(
  '%j can be a name',
  (name) => {
    expect(isPrincipalText(name, MAX_PRINCIPAL_NAME)).toBe(true);
  },
);

test.each([
  ['nothing', ''],
  ['too many characters', 'x'.repeat(129)],
  ['a space at the start', ' alice'],
  ['a space at the end', 'alice '],
  ['NUL', 'al\0ice'],
  ['a line break', 'alice\nowner o1'],
  ['a line separator', 'alice\u2028owner'],
  ['an escape sequence', 'alice\u001b[2J'],
  ['a change of direction', 'alice\u202egnp'],
  ['a lone surrogate', 'alice\ud800'],
])('%s is refused', (_, name) => {
  expect(isPrincipalText(name, MAX_PRINCIPAL_NAME)).toBe(false);
});
