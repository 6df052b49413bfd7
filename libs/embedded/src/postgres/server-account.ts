import { spawnSync } from 'node:child_process';
import { readFileSync, statSync } from 'node:fs';
import { dirname } from 'node:path';

/** The user Postgres runs as when we are root, which Postgres refuses to be. */
export interface ServerAccount {
  readonly name: string;
  readonly uid: number;
  readonly gid: number;
}

/** `postgres` when the system has that user, else `nobody`; `undefined` when we are an ordinary user ourselves. */
export function findServerAccount(): ServerAccount | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const accounts = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .map((line) => line.split(':'))
    .map(([name = '', , uid, gid]) => ({ name, uid: Number(uid), gid: Number(gid) }));
  return accounts.find(({ name }) => name === 'postgres') ?? accounts.find(({ name }) => name === 'nobody');
}

/** Whether the account may enter every folder on the way to `path`, judged by the permission bits. */
export function canReach(path: string, account: ServerAccount | undefined): boolean {
  if (account === undefined) return true;
  for (let folder = path; ; folder = dirname(folder)) {
    const { mode, uid, gid } = statSync(folder);
    const shift = uid === account.uid ? 6 : gid === account.gid ? 3 : 0;
    if (((mode >> shift) & 1) === 0) return false;
    if (folder === dirname(folder)) return true;
  }
}

export interface ServerCommand {
  readonly file: string;
  readonly args: readonly string[];
  readonly uid?: number;
  readonly gid?: number;
}

/**
 * The command line that runs `file` as the account.
 *
 * Linux's `setpriv` adds two things where it exists. The program gets SIGQUIT (Postgres: immediate shutdown) from the
 * kernel when the process that started it ends, so a keeper killed with SIGKILL takes its server along. And a folder
 * that the account cannot enter, such as a checkout below root's closed home, is opened with CAP_DAC_OVERRIDE: we are
 * root then and lend a server on loopback a part of what we have.
 */
export function commandAs(
  account: ServerAccount | undefined,
  needsReach: boolean,
  file: string,
  args: readonly string[],
): ServerCommand {
  if (!hasSetpriv()) return { file, args, ...(account && { uid: account.uid, gid: account.gid }) };
  const asAccount =
    account === undefined ? [] : ['--reuid', String(account.uid), '--regid', String(account.gid), '--clear-groups'];
  const reach = needsReach ? ['--inh-caps', '+dac_override', '--ambient-caps', '+dac_override'] : [];
  return { file: 'setpriv', args: ['--pdeathsig', 'QUIT', ...asAccount, ...reach, '--', file, ...args] };
}

let setprivWorks: boolean | undefined;

/** BusyBox has a `setpriv` without `--pdeathsig`, so ask by trying. */
export function hasSetpriv(): boolean {
  setprivWorks ??=
    process.platform === 'linux' &&
    spawnSync('setpriv', ['--pdeathsig', 'QUIT', 'true'], { stdio: 'ignore' }).status === 0;
  return setprivWorks;
}
