import { isPlannedKind, toErrorData, type ErrorData } from '@longshore/core';
import type { TaskType } from '@longshore/sdk';
import type { RunSpec } from '../channel/messages.ts';

/**
 * A thrown value as data. If an error doesn't say whether it may pass, the type's hook decides.
 *
 * @param warn told when that hook fails: then it has no say, and the error may pass.
 */
export function describeError(
  thrown: unknown,
  type: TaskType,
  run: Pick<RunSpec, 'kind'>,
  warn: (message: string, error: unknown) => void,
): ErrorData {
  const error = toErrorData(thrown, 'SUBTASK_FAILED');
  const saysItself = typeof (thrown as { readonly permanent?: unknown } | null | undefined)?.permanent === 'boolean';
  if (error.code !== 'SUBTASK_FAILED' || saysItself) return error;
  const { executor, scheduler } = type;
  let isRetryable = true;
  try {
    const extension = isPlannedKind(run.kind) ? executor : scheduler;
    isRetryable = extension.isRetryableError?.(thrown) ?? true;
  } catch (failure) {
    warn('isRetryableError failed', failure);
  }
  return { ...error, permanent: !isRetryable };
}
