import type { ErrorData } from '@longshore/core';
import { TaskTypeError, type JsonObject } from '@longshore/sdk';

/** An error that crossed a thread as data, to be thrown again with its code, permanence, details and causes. */
export function errorOfData(data: ErrorData): TaskTypeError {
  return new TaskTypeError(data.code, data.message, {
    permanent: data.permanent,
    ...(data.cause === undefined ? {} : { cause: errorOfData(data.cause) }),
    ...(data.details === undefined ? {} : { details: data.details as JsonObject }),
  });
}
