import { relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { findImportCircles } from '../src/import-circles.ts';
import { readImports } from '../src/read-imports.ts';

const root = fileURLToPath(new URL('../../../', import.meta.url));
const graph = readImports(root);

test('no file imports itself through others, not even types', () => {
  expect(graph.size).toBeGreaterThan(500);
  const circles = findImportCircles(graph).map((circle) => circle.map((file) => relative(root, file)).join(' → '));
  expect(circles, 'move what both need into a file of its own').toEqual([]);
});

test.each<[name: string, imports: Record<string, string[]>, circles: string[][]]>([
  ['a file that imports itself', { a: ['a'] }, [['a', 'a']]],
  ['two files that import each other', { a: ['b'], b: ['a'] }, [['a', 'b', 'a']]],
  ['a circle that is reached from outside', { a: ['b'], b: ['c'], c: ['b'] }, [['b', 'c', 'b']]],
  ['one file by two ways', { a: ['b', 'c'], b: ['d'], c: ['d'], d: [] }, []],
])('%s', (_, imports, circles) => {
  expect(findImportCircles(new Map(Object.entries(imports)))).toEqual(circles);
});
