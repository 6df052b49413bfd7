import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { packPackages } from './pack-packages.ts';

const [to] = process.argv.slice(2);
if (to === undefined) {
  process.stderr.write('usage: npm run pack -- FOLDER\n');
  process.exitCode = 2;
} else {
  const root = fileURLToPath(new URL('../../..', import.meta.url));
  for (const tarball of packPackages(root, resolve(to))) process.stdout.write(`${tarball}\n`);
}
