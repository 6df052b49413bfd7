import type { ErrorData } from './longshore-error.ts';

/** The field of an error's details by which a task type says that the failed work can't succeed in this run, whatever is mended. */
export const RETRY_IN_VAIN = 'retryInVain';

/** Whether nobody should be offered to retry a task that failed with this error: only another run can succeed. */
export function isRetryInVain(error: Pick<ErrorData, 'details'> | null): boolean {
  return error?.details?.[RETRY_IN_VAIN] === true;
}
