import { realpath } from 'node:fs/promises';
import { relative, resolve } from 'node:path';
import { importError } from '../errors/import-error.ts';
import { ImportErrorCode } from '../errors/import-error-code.ts';

/** Before a folder of the setting `roots`: nothing below it may be read. */
const EXCLUDED = '!';

/** Folders of the setting that may be read, and those within them that may not. */
function rootsOf(roots: readonly string[]): {
  readonly allowed: readonly string[];
  readonly excluded: readonly string[];
} {
  const excluded = roots.filter((root) => root.startsWith(EXCLUDED)).map((root) => root.slice(EXCLUDED.length));
  return { allowed: roots.filter((root) => !root.startsWith(EXCLUDED)), excluded };
}

/** Whether a path lies below a folder that is excluded: a pattern passes over it. */
export async function isExcluded(path: string, roots: readonly string[]): Promise<boolean> {
  const { excluded } = rootsOf(roots);
  if (excluded.length === 0) return false;
  const real = await realpath(path).catch(() => resolve(path));
  const realExcluded = await Promise.all(excluded.map((root) => realpath(root).catch(() => root)));
  return [...excluded, ...realExcluded].some((root) => isBelow(real, root));
}

/**
 * The real path of a file or folder, if it lies below a root. Symbolic links are resolved first, in the path and in the
 * roots, so that a link below a root that leads out of it is refused. Whether something exists outside of the roots is
 * not told.
 *
 * @param setting - absolute paths; one with `!` before it may not be read.
 * @throws {TaskTypeError} IMPORT_FILE_FORBIDDEN, IMPORT_FILE_MISSING or IMPORT_FILE_UNREADABLE.
 */
export async function realPathBelowRoots(path: string, setting: readonly string[]): Promise<string> {
  const { allowed: roots } = rootsOf(setting);
  if (!path.startsWith('/')) throw forbidden(path, 'it is not an absolute path', roots);
  if (await isExcluded(path, setting)) throw forbidden(path, 'it is not below a folder that it may read', roots);
  const realRoots = await Promise.all(roots.map((root) => realpath(root).catch(() => root)));
  const isAllowed = (candidate: string): boolean => [...roots, ...realRoots].some((root) => isBelow(candidate, root));
  let real: string;
  try {
    real = await realpath(path);
  } catch (error) {
    if (!isAllowed(resolve(path))) throw forbidden(path, 'it is not below a folder that it may read', roots);
    throw fileError(error, path);
  }
  if (realRoots.some((root) => isBelow(real, root))) return real;
  const reason = isAllowed(resolve(path)) ? 'it is a link to a place outside the folders that it may read' : null;
  throw forbidden(path, reason ?? 'it is not below a folder that it may read', roots);
}

/** What the file system said of a path, as an error of ours; what may pass by itself stays as it is. */
export function fileError(error: unknown, path: string): unknown {
  const { code } = error as { readonly code?: unknown };
  if (code === 'ENOENT' || code === 'ENOTDIR') {
    const message = `File ${path} does not exist on this executor. Check the path; every executor that runs imports must see the same files.`;
    return importError(ImportErrorCode.FileMissing, message, { file: path }, error);
  }
  if (code === 'EACCES' || code === 'EPERM') {
    const message = `The executor's account may not read ${path}. Give it read access.`;
    return importError(ImportErrorCode.FileUnreadable, message, { file: path }, error);
  }
  return error;
}

function isBelow(path: string, root: string): boolean {
  const way = relative(root, path);
  return way !== '..' && !way.startsWith('../');
}

function forbidden(path: string, reason: string, roots: readonly string[]): Error {
  const advice =
    roots.length === 0
      ? 'No folder is allowed: start the executors with LONGSHORE_PLUGIN_SETTINGS={"import":{"roots":["/data"]}}.'
      : `Allowed are ${roots.join(', ')}; add others to "roots" in the executors' LONGSHORE_PLUGIN_SETTINGS.`;
  return importError(ImportErrorCode.FileForbidden, `An executor may not import ${path}: ${reason}. ${advice}`, {
    file: path,
  });
}
