import type { ErrorData } from './longshore-error.ts';

/** The field of an error's details by which a task type says that the failed work can't succeed in this run, whatever is mended. */
export const RETRY_IN_VAIN = 'retryInVain';

/** The field by which it says besides that nothing of the run has an effect, so that no data is lost with the run. */
export const NOTHING_DONE = 'nothingDone';

/** Whether nobody should be offered to retry a task that failed with this error: only another run can succeed. */
export function isRetryInVain(error: Pick<ErrorData, 'details'> | null): boolean {
  return error?.details?.[RETRY_IN_VAIN] === true;
}

/** Whether another run may start for somebody who asked for a retry: nothing of this one would be undone that they know of. */
export function mayBeginAnew(error: Pick<ErrorData, 'details'> | null): boolean {
  return isRetryInVain(error) && error?.details?.[NOTHING_DONE] === true;
}
