import { TaskTypeError, type HookContext } from '@longshore/sdk';
import { ImportErrorCode } from '../errors/import-error-code.ts';
import type { ImportMeta } from '../meta/import-meta.ts';

/**
 * Says of a file that has changed whether anything of this run is in the table. If nothing is, a retry may begin anew with the files as they are;
 * otherwise rows of the old file are there, and somebody has to want them taken back.
 *
 * @returns the error to throw.
 */
export async function withNothingLoaded(
  error: unknown,
  context: Pick<HookContext<ImportMeta>, 'task' | 'connection'>,
): Promise<unknown> {
  if (!TaskTypeError.is(error) || error.code !== ImportErrorCode.FileChanged) return error;
  const loaded = await context.connection(context.task.meta.connection).ledger('load');
  if (loaded.length > 0) return error;
  const { code, message, permanent, details } = error;
  return new TaskTypeError(code, message, { permanent, details: { ...details, nothingDone: true }, cause: error });
}
