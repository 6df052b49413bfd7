import { TaskTypeError, type JsonObject } from '@longshore/sdk';
import { AddIndexErrorCode } from './add-index-error-code.ts';

/** The codes that pass by themselves; all others need somebody to change something. */
const transient: ReadonlySet<AddIndexErrorCode> = new Set([
  AddIndexErrorCode.LockTimeout,
  AddIndexErrorCode.DiskFull,
  AddIndexErrorCode.Superseded,
  AddIndexErrorCode.NoTerminate,
  AddIndexErrorCode.Vanished,
]);

/**
 * An error of an `add-index`.
 *
 * @param message - what happened, to which table or index, and what to do.
 */
export function addIndexError(
  code: AddIndexErrorCode,
  message: string,
  details?: JsonObject,
  cause?: unknown,
): TaskTypeError {
  return new TaskTypeError(code, message, {
    permanent: !transient.has(code),
    ...(details !== undefined && { details }),
    ...(cause !== undefined && { cause }),
  });
}
