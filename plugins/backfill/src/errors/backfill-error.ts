import { TaskTypeError, type JsonObject } from '@longshore/sdk';
import { BackfillErrorCode } from './backfill-error-code.ts';

/**
 * An error of a backfill. All are permanent but a full disk.
 *
 * @param message - what happened, to which table, column or row, and what to do.
 */
export function backfillError(
  code: BackfillErrorCode,
  message: string,
  details?: JsonObject,
  cause?: unknown,
): TaskTypeError {
  return new TaskTypeError(code, message, {
    permanent: code !== BackfillErrorCode.DiskFull,
    ...(details !== undefined && { details }),
    ...(cause !== undefined && { cause }),
  });
}
