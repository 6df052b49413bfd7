import { constants } from 'node:fs';
import { open, type FileHandle } from 'node:fs/promises';
import { importError, withFileName } from '../errors/import-error.ts';
import { ImportErrorCode } from '../errors/import-error-code.ts';
import type { InputFile } from '../meta/prepared-import.ts';
import { fileError, realPathBelowRoots } from './allowed-roots.ts';

/**
 * Opens a file of the import while `work` runs, and makes sure before and after that it is the one that the import began
 * with: a step on another node, or an hour later, must not load another file's bytes.
 *
 * @param roots - of this executor, which may differ from those of the one that listed the files.
 * @throws {TaskTypeError} IMPORT_FILE_CHANGED, and those of {@link realPathBelowRoots}; what the CSV core finds wrong
 * with the content gets the file's name.
 */
export async function withInput<T>(
  file: InputFile,
  roots: readonly string[],
  work: (handle: FileHandle) => Promise<T>,
): Promise<T> {
  const handle = await openBelowRoots(file, roots);
  try {
    await checkUnchanged(handle, file);
    const result = await work(handle);
    await checkUnchanged(handle, file);
    return result;
  } catch (error) {
    throw withFileName(error, file.path);
  } finally {
    await handle.close();
  }
}

async function openBelowRoots(file: InputFile, roots: readonly string[]): Promise<FileHandle> {
  const real = await realPathBelowRoots(file.path, roots);
  if (real !== file.path) throw changed(file, `it is a link to ${real} here`);
  try {
    // Not through a link that was put there since, and not waiting for the writer of a pipe.
    return await open(real, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    throw fileError(error, file.path);
  }
}

async function checkUnchanged(handle: FileHandle, file: InputFile): Promise<void> {
  const found = await handle.stat();
  if (!found.isFile()) throw changed(file, 'it is no longer a regular file');
  if (found.size !== file.bytes) throw changed(file, `it has ${found.size} bytes instead of ${file.bytes}`);
  if (Math.floor(found.mtimeMs) !== file.modifiedMs) throw changed(file, 'it was written to');
}

function changed(file: InputFile, difference: string): Error {
  const message = `${file.path} is not the file that the import began with: ${difference}. What was read and loaded of the old one is of no use for the new one, so no retry can load it. When nobody writes to its files any more, restart the task if it awaits resolution, or submit the import again (--again, if it has a key).`;
  return importError(ImportErrorCode.FileChanged, message, { file: file.path, retryInVain: true });
}
