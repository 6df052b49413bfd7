import { createRequire } from 'node:module';
import { expect, test } from 'vitest';

interface Versions {
  readonly isAtLeast: (version: string, least: string) => boolean;
}

const { isAtLeast } = createRequire(import.meta.url)('../src/versions.cjs') as Versions;

test.each([
  ['v22.12.0', '22.12.0', true],
  ['v22.12.1', '22.12.0', true],
  ['v22.11.9', '22.12.0', false],
  ['v22.9.0', '22.12.0', false],
  ['v23.0.0', '22.12.0', true],
  ['v20.20.2', '22.12.0', false],
  ['v8.17.0', '22.12.0', false],
  ['v24.0.0-nightly2025', '24.0.0', true],
  ['v24.21.0\n', '24.0.0', true],
  ['24.21.0', '24.0.0', true],
  ['v26.10.0', '24.0.0', true],
  ['', '24.0.0', false],
  ['bun 1.2', '24.0.0', false],
])('%j is at least %s: %s', (version, least, expected) => {
  expect(isAtLeast(version, least)).toBe(expected);
});
