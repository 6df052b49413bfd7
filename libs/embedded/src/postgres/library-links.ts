import { lstatSync, readFileSync, symlinkSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';

interface LibraryLink {
  readonly source: string;
  readonly target: string;
}

/**
 * The platform package carries its shared libraries without their symbolic links (a package cannot hold any) and makes
 * them in an install script. Where npm runs no scripts, this does it.
 *
 * @param packageDir the folder that holds `native/`.
 * @returns false when links are missing and the folder cannot be written.
 */
export function makeLibraryLinks(packageDir: string): boolean {
  const listed: unknown = JSON.parse(readFileSync(join(packageDir, 'native', 'pg-symlinks.json'), 'utf8'));
  for (const { source, target } of listed as readonly LibraryLink[]) {
    const link = join(packageDir, target);
    if (exists(link)) continue;
    try {
      // All of them point to a file beside them, so a relative target survives a move of the folder.
      if (dirname(source) === dirname(target)) symlinkSync(basename(source), link);
    } catch {
      if (!exists(link)) return false;
    }
  }
  return true;
}

function exists(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false }) !== undefined;
}
