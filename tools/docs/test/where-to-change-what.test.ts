import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';

const root = fileURLToPath(new URL('../../../', import.meta.url));

const rows = readFileSync(`${root}docs/where-to-change-what.md`, 'utf8')
  .split('\n')
  .filter((line) => line.startsWith('| ') && !line.startsWith('| ---') && !line.startsWith('| change '))
  .map((line) => line.split('|').map((cell) => cell.trim()))
  .map(([, change = '', files = '', tests = '']) => ({ change, files: pathsIn(files), tests: pathsIn(tests) }));

function pathsIn(cell: string): readonly string[] {
  return [...cell.matchAll(/`([^`]+)`/g)]
    .map(([, path = '']) => path)
    .filter((path) => /^(apps|libs|plugins|tools|test|docs)\b/.test(path));
}

test('the page has at least ten changes', () => {
  expect(rows.length).toBeGreaterThanOrEqual(10);
});

test.each(rows)('$change: every file exists, in three packages at most', ({ files, tests }) => {
  expect([...files, ...tests].filter((path) => !existsSync(`${root}${path}`))).toEqual([]);
  const packages = new Set(
    files.filter((path) => !path.startsWith('docs')).map((path) => path.split('/').slice(0, 2).join('/')),
  );
  expect(packages.size).toBeGreaterThan(0);
  expect(packages.size).toBeLessThanOrEqual(3);
});
