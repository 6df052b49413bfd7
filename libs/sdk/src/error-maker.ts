import type { JsonObject } from './json.ts';
import { TaskTypeError } from './task-type-error.ts';

/**
 * Makes an error of one task type.
 *
 * @param message - what happened, to which file, table or row, and what to do.
 */
export type MakeError<Code extends string> = (
  code: Code,
  message: string,
  details?: JsonObject,
  cause?: unknown,
) => TaskTypeError;

/**
 * What makes the errors of a task type from its codes.
 *
 * @param transient - the codes of what passes by itself; all others need somebody to change something, so they are permanent.
 */
export function errorMaker<Code extends string>(transient: readonly Code[]): MakeError<Code> {
  const passing: ReadonlySet<Code> = new Set(transient);
  return (code, message, details, cause) =>
    new TaskTypeError(code, message, {
      permanent: !passing.has(code),
      ...(details !== undefined && { details }),
      ...(cause !== undefined && { cause }),
    });
}
