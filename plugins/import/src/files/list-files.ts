import { glob, lstat, stat } from 'node:fs/promises';
import { TaskTypeError } from '@longshore/sdk';
import { importError } from '../errors/import-error.ts';
import { ImportErrorCode } from '../errors/import-error-code.ts';
import type { InputFile } from '../meta/prepared-import.ts';
import { fileError, isExcluded, realPathBelowRoots } from './allowed-roots.ts';
import { checkPattern } from './check-pattern.ts';

/** Each file takes at least 52 bytes of the meta, which has 256 KiB: more can't be imported, however long their list would take. */
const MAX_FILES = 5_041;

/**
 * The files that paths and patterns name, each once, sorted by path. A path that exists is taken as it is, whatever
 * characters it has. Folders that a pattern matches are passed over.
 *
 * @param roots - absolute paths of the folders that may be read.
 * @throws {TaskTypeError} IMPORT_NO_FILES for a pattern that matches none; IMPORT_TOO_MANY_FILES; IMPORT_META_INVALID for one that takes for ever; IMPORT_FILE_FORBIDDEN, IMPORT_FILE_MISSING,
 * IMPORT_FILE_UNREADABLE and IMPORT_FILE_UNSUPPORTED for a path.
 */
export async function listFiles(
  patterns: readonly string[],
  roots: readonly string[],
  signal: AbortSignal,
): Promise<readonly InputFile[]> {
  const files = new Map<string, InputFile>();
  for (const pattern of patterns) {
    const base = globBase(pattern);
    if (base === null || (await exists(pattern))) {
      const file = await describeFile(pattern, roots);
      if (file === null) throw unsupported(pattern);
      files.set(file.path, file);
      continue;
    }
    checkPattern(pattern);
    // The folder is checked before anything is listed in it.
    await realPathBelowRoots(base, roots);
    let matches = 0;
    for await (const path of glob(pattern)) {
      signal.throwIfAborted();
      if (await isExcluded(path, roots)) continue;
      const file = await describeFile(path, roots).catch((error: unknown) => {
        throw withoutMatch(error, pattern);
      });
      if (file === null) continue;
      files.set(file.path, file);
      matches++;
      if (files.size > MAX_FILES) throw tooMany();
    }
    if (matches === 0) {
      const message = `No file matches ${pattern} on this executor. Check the pattern; every executor that runs imports must see the same files.`;
      throw importError(ImportErrorCode.NoFiles, message, { pattern });
    }
  }
  return [...files.values()].sort((a, b) => (a.path < b.path ? -1 : 1));
}

/** What a pattern finds beyond a link that leads out of the roots is nobody's to know: the error names the pattern. */
function withoutMatch(error: unknown, pattern: string): unknown {
  if (!TaskTypeError.is(error) || error.code !== ImportErrorCode.FileForbidden) return error;
  const message = `An executor may not import ${pattern}: it matches a link to a place outside the folders that it may read.`;
  return importError(ImportErrorCode.FileForbidden, message, { pattern });
}

/** Null for a folder. */
async function describeFile(path: string, roots: readonly string[]): Promise<InputFile | null> {
  const real = await realPathBelowRoots(path, roots);
  try {
    const found = await stat(real);
    if (found.isDirectory()) return null;
    if (!found.isFile()) throw unsupported(path);
    return { path: real, bytes: found.size, modifiedMs: Math.floor(found.mtimeMs) };
  } catch (error) {
    throw fileError(error, path);
  }
}

/** The folder above the first part of a pattern that has a special character; null if none has. */
function globBase(pattern: string): string | null {
  const parts = pattern.split('/');
  const special = parts.findIndex((part) => /[*?[\]{}!()]/.test(part));
  return special < 0 ? null : parts.slice(0, special).join('/') || '/';
}

async function exists(path: string): Promise<boolean> {
  return lstat(path).then(
    () => true,
    () => false,
  );
}

function tooMany(): Error {
  const message = `The patterns name more than ${MAX_FILES} files, and a task's meta has no room for more. Import the files in several tasks, or join small files.`;
  return importError(ImportErrorCode.TooManyFiles, message);
}

function unsupported(path: string): Error {
  const message = `${path} is no regular file. Name files, or a pattern such as ${path}/*.csv for the files of a folder.`;
  return importError(ImportErrorCode.FileUnsupported, message, { file: path });
}
