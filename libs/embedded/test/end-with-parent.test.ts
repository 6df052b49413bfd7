import { spawn, type ChildProcess } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { waitUntil } from '@longshore/test-kit';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';

import { startPostgres } from '../src/index.ts';
import { isAlive } from './is-alive.ts';

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
      () => remains(family),
      () => remains(family).length === 0,
      { what: 'nothing of the family is left' },
    );
  });

  test('killed in the middle of making the database', async () => {
    const parent = spawnParent();
    const folders = () => readdirSync(temporary);
    const hasBegun = (name: string) => existsSync(join(temporary, name, 'data.new', 'base'));
    await waitUntil(folders, () => folders().some(hasBegun), { what: 'initdb has begun' });
    process.kill(-parent.pid!, 'SIGKILL');
    await waitUntil(folders, () => folders().length === 0, { what: 'no file is left' });
  });

  test('a keeper killed with SIGKILL takes Postgres along, and the parent removes the folder', async () => {
    const postgres = await startPostgres({ durable: false });
    process.kill(postgres.keeperPid, 'SIGKILL');
    await waitUntil(
      () => ({ pid: postgres.pid, folder: existsSync(postgres.dataDir) }),
      () => postgres.pid === undefined && !existsSync(postgres.dataDir),
      { what: 'server and folder are gone' },
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
    await waitUntil(pids, () => pids().length === 0, { what: 'no process is left' });
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
      () => remains(family),
      () => !isAlive(family.keeperPid),
      { what: 'the keeper is gone' },
    );
    const next = await startPostgres({ dataDir });
    await next.stop();
  });
});
