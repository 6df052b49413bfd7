import { existsSync, globSync, readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { preProcessFile } from 'typescript';
import type { ImportGraph } from './import-circles.ts';

/** Where the sources of this repository are. */
const SOURCES = ['apps', 'libs', 'plugins', 'tools', 'test'].map((folder) => `${folder}/*/{src,test}/**/*.ts`);

/**
 * Reads which of the repository's files import which others by a relative path: imports of values and of types, and those that are made
 * when they are needed (`import()`). Between packages the arrows of `eslint.config.js` rule.
 *
 * @param root the repository's folder.
 */
export function readImports(root: string): ImportGraph {
  const files = globSync(SOURCES, { cwd: root }).map((file) => resolve(root, file));
  return new Map(files.map((file) => [file, importsOf(file)]));
}

function importsOf(file: string): readonly string[] {
  return preProcessFile(readFileSync(file, 'utf8'))
    .importedFiles.filter(({ fileName }) => fileName.startsWith('.'))
    .map(({ fileName }) => resolve(dirname(file), fileName))
    .filter((imported) => existsSync(imported));
}
