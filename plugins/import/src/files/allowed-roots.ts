import { realpath } from 'node:fs/promises';
import { relative, resolve } from 'node:path';
import { importError } from '../errors/import-error.ts';
import { ImportErrorCode } from '../errors/import-error-code.ts';

/**
 * The real path of a file or folder, if it lies below a root. Symbolic links are resolved first, in the path and in the
 * roots, so that a link below a root that leads out of it is refused. Whether something exists outside of the roots is
 * not told.
 *
 * @param roots - absolute paths.
 * @throws {TaskTypeError} IMPORT_FILE_FORBIDDEN, IMPORT_FILE_MISSING or IMPORT_FILE_UNREADABLE.
 */
export async function realPathBelowRoots(path: string, roots: readonly string[]): Promise<string> {
  if (!path.startsWith('/')) throw forbidden(path, 'it is not an absolute path', roots);
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
