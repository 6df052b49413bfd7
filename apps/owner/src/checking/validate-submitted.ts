import { LongshoreError, toErrorData, type ErrorData } from '@longshore/core';
import { parseRequest, submitRequest } from '@longshore/protocol';
import { readSubmitted, type Db, type OwnerWrites } from '@longshore/store';
import type { RequestChecker } from './request-checker.ts';

/**
 * Looks at a task that was submitted within a user's own transaction, where nobody could: gives it its settings, or ends it with the error
 * that a submit through the API would have been answered with.
 *
 * @returns false when it is as it was: validated already, or over.
 */
export async function validateSubmitted(
  db: Db,
  checker: RequestChecker,
  writes: Pick<OwnerWrites, 'validate' | 'refuse'>,
  taskId: string,
): Promise<boolean> {
  const submitted = await readSubmitted(db, taskId);
  if (submitted === null) return false;
  const { type, meta, options } = submitted;
  let settings;
  try {
    settings = await checker.check(parseRequest(submitRequest, { ...options, type, meta }));
  } catch (thrown) {
    const error = refusalOf(thrown);
    if (error === null) throw thrown;
    return writes.refuse(taskId, error);
  }
  return writes.validate(taskId, settings);
}

/** Null: not the request's fault, so the next pass tries again. */
function refusalOf(thrown: unknown): ErrorData | null {
  return LongshoreError.is(thrown) && thrown.permanent ? toErrorData(thrown) : null;
}
