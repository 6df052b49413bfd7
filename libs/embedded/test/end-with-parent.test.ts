import { spawn, type ChildProcess } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';

import { startPostgres } from '../src/index.ts';
import { isAlive } from './is-alive.ts';
import { waitUntil } from './wait-until.ts';

interface Family {
  readonly parent: ChildProcess;
  readonly parentPid: number;
  readonly postgresPid: number;
  readonly keeperPid: number;
  readonly childPid: number;
  readonly folder: string;
}

/** Temporary files of one test only: any start removes what killed keepers left in the common folder. */
let temporary = '';
beforeEach(() => {
  temporary = mkdtempSync(join(tmpdir(), 'embedded-test-'));
  chmodSync(temporary, 0o755);
  vi.stubEnv('TMPDIR', temporary);
});
afterEach(() => {
  vi.unstubAllEnvs();
  rmSync(temporary, { recursive: true, force: true });
});

function spawnParent(dataDir?: string) {
  const entry = join(import.meta.dirname, 'fixtures', 'parent.ts');
  const args = ['--conditions=@longshore/source', entry, ...(dataDir === undefined ? [] : [dataDir])];
  return spawn(process.execPath, args, { stdio: ['ignore', 'pipe', 'inherit'], detached: true });
}

/** A parent process in a group of its own, with a Postgres and a child below it. */
async function startFamily(dataDir?: string): Promise<Family> {
  const parent = spawnParent(dataDir);
  const line = await new Promise<string>((resolve, reject) => {
    parent.stdout.once('data', (chunk: Buffer) => resolve(chunk.toString()));
    parent.once('exit', (code) => reject(new Error(`the parent ended with ${String(code)}`)));
  });
  return { parent, parentPid: parent.pid!, ...(JSON.parse(line) as Omit<Family, 'parent' | 'parentPid'>) };
}

function remains(family: Family): string[] {
  const { postgresPid, keeperPid, childPid, folder } = family;
  const alive = Object.entries({ postgresPid, keeperPid, childPid }).filter(([, pid]) => isAlive(pid));
  return [...alive.map(([name]) => name), ...(existsSync(folder) ? ['folder'] : [])];
}

describe('everything ends with the parent', () => {
  test.each([
    ['killed with SIGKILL', (family: Family) => process.kill(family.parentPid, 'SIGKILL')],
    ['killed with its whole process group', (family: Family) => process.kill(-family.parentPid, 'SIGKILL')],
    ['ended by SIGTERM', (family: Family) => process.kill(family.parentPid, 'SIGTERM')],
  ])('%s', async (_how, end) => {
    const family = await startFamily();
    expect(remains(family)).toEqual(['postgresPid', 'keeperPid', 'childPid', 'folder']);
    end(family);
    await waitUntil(
      'nothing of the family is left',
      () => remains(family).length === 0,
      () => remains(family),
    );
  });

  test('killed in the middle of making the database', async () => {
    const parent = spawnParent();
    const folders = () => readdirSync(temporary);
    const hasBegun = (name: string) => existsSync(join(temporary, name, 'data.new', 'base'));
    await waitUntil('initdb has begun', () => folders().some(hasBegun), folders);
    process.kill(-parent.pid!, 'SIGKILL');
    await waitUntil('no file is left', () => folders().length === 0, folders);
  });

  test('a keeper killed with SIGKILL takes Postgres along, and the parent removes the folder', async () => {
    const postgres = await startPostgres({ durable: false });
    process.kill(postgres.keeperPid, 'SIGKILL');
    await waitUntil(
      'server and folder are gone',
      () => postgres.pid === undefined && !existsSync(postgres.dataDir),
      () => ({ pid: postgres.pid, folder: existsSync(postgres.dataDir) }),
    );
    await expect(postgres.restart()).rejects.toMatchObject({ code: 'EMBEDDED_POSTGRES_START_FAILED' });
    await postgres.stop();
  });

  test('keeper and parent killed together leave a folder, which the next start removes', async () => {
    const family = await startFamily();
    process.kill(family.keeperPid, 'SIGSTOP');
    process.kill(family.parentPid, 'SIGKILL');
    process.kill(family.keeperPid, 'SIGKILL');
    const pids = () => remains(family).filter((name) => name !== 'folder');
    await waitUntil('no process is left', () => pids().length === 0, pids);
    expect(existsSync(family.folder)).toBe(true);

    const next = await startPostgres({ durable: false });
    expect(existsSync(family.folder)).toBe(false);
    await next.stop();
  });

  test('a kept folder can be used again after the parent was killed', async () => {
    const dataDir = join(temporary, 'postgres');
    const family = await startFamily(dataDir);
    process.kill(family.parentPid, 'SIGKILL');
    await waitUntil(
      'the keeper is gone',
      () => !isAlive(family.keeperPid),
      () => remains(family),
    );
    const next = await startPostgres({ dataDir });
    await next.stop();
  });
});
