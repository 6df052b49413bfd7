import { execFileSync, spawn } from 'node:child_process';
import { chownSync, existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { findFreePort } from '@longshore/embedded';
import { waitUntilAnswers } from './wait-until-answers.ts';

/** Where Debian's package has the programs, unless the environment says otherwise. */
const PROGRAMS = process.env['LONGSHORE_POSTGRES_BIN'] ?? '/usr/lib/postgresql/15/bin';

/**
 * Starts Debian's PostgreSQL 15, the oldest version that is supported, with data of its own in a temporary folder.
 *
 * @throws {Error} when it isn't installed.
 */
export async function startDebianPostgres(): Promise<{ readonly url: string; stop(): Promise<void> }> {
  if (!existsSync(join(PROGRAMS, 'initdb'))) {
    throw new Error(
      `These tests need PostgreSQL 15 in ${PROGRAMS}, or in the folder LONGSHORE_POSTGRES_BIN. On Debian: apt-get install postgresql-15`,
    );
  }
  const folder = mkdtempSync(join(tmpdir(), 'longshore-postgres-15-'));
  const account = accountOf(folder);
  const data = join(folder, 'data');
  const asUser = { ...account, stdio: 'ignore' } as const;
  execFileSync(
    join(PROGRAMS, 'initdb'),
    ['-D', data, '-U', 'postgres', '-A', 'trust', '-E', 'UTF8', '--no-sync'],
    asUser,
  );
  const port = await findFreePort();
  const options = ['listen_addresses=127.0.0.1', `port=${port}`, 'fsync=off', 'autovacuum_naptime=1d'];
  const server = spawn(
    join(PROGRAMS, 'postgres'),
    ['-D', data, '-k', folder, ...options.flatMap((option) => ['-c', option])],
    asUser,
  );
  const exited = new Promise<void>((resolve) => server.once('exit', () => resolve()));
  const url = `postgres://postgres@127.0.0.1:${port}/postgres`;
  await waitUntilAnswers(url, exited);
  return {
    url,
    stop: async () => {
      server.kill('SIGINT');
      await exited;
      rmSync(folder, { recursive: true });
    },
  };
}

/** Postgres refuses to be root; Debian's package has made a user for it. */
function accountOf(folder: string): { readonly uid?: number; readonly gid?: number } {
  if (process.getuid?.() !== 0) return {};
  const id = (flag: string): number => Number(execFileSync('id', [flag, 'postgres']));
  const account = { uid: id('-u'), gid: id('-g') };
  chownSync(folder, account.uid, account.gid);
  return account;
}
