import { CONTRACT_VERSION, OPTIONAL_HOOKS } from '@longshore/sdk';
import { expect, test } from 'vitest';
import { checkContract, HOST_CONTRACT } from '../../src/worker/check-contract.ts';

const host = { lowest: 2, highest: 4, hooks: ['scheduler.prepare', 'scheduler.revert'] };

test.each([
  ['the highest contract', { contract: 4, hooks: [] }],
  ['hooks that the host knows', { contract: 4, hooks: ['scheduler.revert', 'scheduler.prepare'] }],
])('a type of %s is taken without a word', (_, type) => {
  expect(checkContract(type, 'toy', host)).toBeNull();
});

test.each([
  [
    'one behind',
    { contract: 3, hooks: ['scheduler.prepare'] },
    /toy speaks version 3 .* speaks 2 to 4; a later executor/,
  ],
  ['the lowest contract', { contract: 2, hooks: [] }, /toy speaks version 2 /],
])('a type of %s is taken with a warning', (_, type, warning) => {
  expect(checkContract(type, 'toy', host)).toMatch(warning);
});

test.each([
  ['a newer contract', { contract: 5, hooks: [] }, /version 5 .* speaks 2 to 4; update the executor/],
  ['an older contract', { contract: 1, hooks: [] }, /version 1 .* speaks 2 to 4; install a newer version/],
  [
    'a hook from later on',
    { contract: 4, hooks: ['scheduler.onTick'] },
    /toy uses the hook scheduler\.onTick, unknown/,
  ],
  [
    'two of them',
    { contract: 3, hooks: ['master', 'scheduler.revert', 'worker'] },
    /the hooks master, worker, unknown/,
  ],
])('a type of %s is refused', (_, type, message) => {
  const check = (): unknown => checkContract(type, 'toy', host);
  expect(check).toThrow(expect.objectContaining({ code: 'PLUGIN_CONTRACT', permanent: true }) as Error);
  expect(check).toThrow(message);
});

test('this host runs what its own SDK defines', () => {
  expect(checkContract({ contract: CONTRACT_VERSION, hooks: OPTIONAL_HOOKS }, 'toy', HOST_CONTRACT)).toBeNull();
  expect(HOST_CONTRACT.lowest).toBeGreaterThanOrEqual(1);
});
