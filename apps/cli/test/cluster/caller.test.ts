import { expect, test } from 'vitest';
import { findCaller } from '../../src/cluster/caller.ts';

const unknownUser = (): string => {
  throw new Error('no such user');
};

test.each<[name: string, env: Record<string, string>, osUser: () => string, claim: ReturnType<typeof findCaller>]>([
  ['the user of the operating system', {}, () => 'alice', { name: 'alice' }],
  ['what the environment says, before that user', { LONGSHORE_PRINCIPAL: 'ci' }, () => 'root', { name: 'ci' }],
  ['an empty variable says nothing', { LONGSHORE_PRINCIPAL: '', LONGSHORE_ROLE: '' }, () => 'al', { name: 'al' }],
  ['a role with it', { LONGSHORE_ROLE: 'operator' }, () => 'alice', { name: 'alice', role: 'operator' }],
  ['nobody where the process has no user', {}, unknownUser, undefined],
  ['nobody where the user has a name that can’t be written down', {}, () => 'al\nice', undefined],
])('the caller is %s', (_, env, osUser, claim) => {
  expect(findCaller(env, osUser)).toEqual(claim);
});
