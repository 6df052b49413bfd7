import type { Principal, PrincipalClaim } from '@longshore/core';
import { expect, test } from 'vitest';
import { principalHeaders, readPrincipal } from '../src/principal.ts';

const read = (headers: Readonly<Record<string, string>>): Principal | null => readPrincipal((name) => headers[name]);

test.each<[PrincipalClaim, Principal]>([
  [{ name: 'alice' }, { name: 'alice', role: null, isVerified: false }],
  [
    { name: 'alice', role: 'operator' },
    { name: 'alice', role: 'operator', isVerified: false },
  ],
  [{ name: 'Zoë 李 100%' }, { name: 'Zoë 李 100%', role: null, isVerified: false }],
  [{ name: '\u{1f477}'.repeat(64) }, { name: '\u{1f477}'.repeat(64), role: null, isVerified: false }],
])('%j travels in headers that are plain ASCII, and is a claim', (claim, principal) => {
  const headers = principalHeaders(claim);
  for (const value of Object.values(headers)) expect(value).toMatch(/^[!-~]+$/);
  expect(read(headers)).toEqual(principal);
});

test('a caller that does not say who it is, is nobody: a role alone says nothing', () => {
  expect(read({})).toBeNull();
  expect(read({ 'longshore-principal': '' })).toBeNull();
  expect(read({ 'longshore-role': 'operator' })).toBeNull();
});

test.each<[Record<string, string>, RegExp]>([
  [{ 'longshore-principal': '%' }, /^principal: the header is not percent-encoded UTF-8$/],
  [{ 'longshore-principal': '%ff' }, /^principal: the header is not/],
  [{ 'longshore-principal': '%ED%A0%80' }, /^principal: the header is not/],
  [{ 'longshore-principal': 'al%00ice' }, /^principal: expected 1 to 128 printable/],
  [{ 'longshore-principal': 'alice%0Aowner' }, /^principal: expected/],
  [{ 'longshore-principal': 'x'.repeat(129) }, /^principal: expected/],
  [{ 'longshore-principal': 'alice', 'longshore-role': 'x'.repeat(65) }, /^role: expected 1 to 64 printable/],
])('%j is refused', (headers, message) => {
  expect(() => read(headers)).toThrow(
    expect.objectContaining({ code: 'ARGUMENT_INVALID', message: expect.stringMatching(message) }),
  );
});

test.each<PrincipalClaim>([{ name: '' }, { name: 'a\nb' }, { name: '\ud800' }, { name: 'alice', role: ' ' }])(
  '%j is not sent',
  (claim) => {
    expect(() => principalHeaders(claim)).toThrow(expect.objectContaining({ code: 'ARGUMENT_INVALID' }));
  },
);
