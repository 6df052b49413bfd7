import { expect, test } from 'vitest';
import { chooseTypeVersion, compareTypeVersions, isCompatibleVersion } from '../../src/placement/type-version.ts';

/** Oldest first; the pre-releases are the example of semver.org §11. */
const ORDERED = [
  'latest',
  '0.9.9',
  '1.0.0-alpha',
  '1.0.0-alpha.1',
  '1.0.0-alpha.beta',
  '1.0.0-beta',
  '1.0.0-beta.2',
  '1.0.0-beta.11',
  '1.0.0-rc.1',
  '1.0.0',
  '1.0.2',
  '1.0.10',
  '1.2.0',
  '1.10.0',
  '2.0.0',
  '10.0.0',
];

test('versions are ordered by their numbers, pre-releases before their release, and what is no version first', () => {
  expect(ORDERED.toReversed().toSorted(compareTypeVersions)).toEqual(ORDERED);
});

test('a version equals itself, and two that are none are equal', () => {
  for (const version of ORDERED) expect(compareTypeVersions(version, version)).toBe(0);
  expect(compareTypeVersions('latest', 'next')).toBe(0);
});

test('the order is the same read backwards', () => {
  for (const a of ORDERED) {
    for (const b of ORDERED)
      expect(Math.sign(compareTypeVersions(a, b))).toBe(-Math.sign(compareTypeVersions(b, a)) + 0);
  }
});

test.each<[wanted: string, offered: string, isCompatible: boolean]>([
  ['1.2.3', '1.2.3', true],
  ['1.2.3', '1.2.4', true],
  ['1.2.3', '1.3.0', true],
  ['1.2.3', '1.2.2', false],
  ['1.2.3', '1.1.9', false],
  ['1.2.3', '2.0.0', false],
  ['2.0.0', '1.9.9', false],
  ['0.2.3', '0.2.4', true],
  ['0.2.3', '0.3.0', false],
  ['0.2.3', '1.0.0', false],
  ['1.0.0-rc.1', '1.0.0', true],
  ['1.0.0', '1.0.0-rc.1', false],
  ['latest', 'latest', true],
  ['latest', '1.0.0', false],
  ['1.0', '1.0.0', false],
])('a task of %s on a node that offers %s: %s', (wanted, offered, isCompatible) => {
  expect(isCompatibleVersion(wanted, offered)).toBe(isCompatible);
});

test.each<[wanted: string, versions: string[], chosen: string | null]>([
  ['1.0.0', ['1.2.0', '1.0.0'], '1.0.0'],
  ['1.0.0', ['1.2.0', '1.10.0', '2.0.0'], '1.10.0'],
  ['1.3.0', ['1.2.0', '2.0.0'], null],
  ['1.0.0', [], null],
])('%s among %j is %s', (wanted, versions, chosen) => {
  expect(chooseTypeVersion(wanted, versions)).toBe(chosen);
});
