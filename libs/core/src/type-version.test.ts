import { expect, test } from 'vitest';
import { compareTypeVersions } from './type-version.ts';

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
