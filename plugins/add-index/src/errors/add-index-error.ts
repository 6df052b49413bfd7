import { errorMaker } from '@longshore/sdk';
import { AddIndexErrorCode } from './add-index-error-code.ts';

/** Makes an error of an `add-index`. What passes by itself is tried again. */
export const addIndexError = errorMaker<AddIndexErrorCode>([
  AddIndexErrorCode.LockTimeout,
  AddIndexErrorCode.DiskFull,
  AddIndexErrorCode.Superseded,
  AddIndexErrorCode.NoTerminate,
  AddIndexErrorCode.Vanished,
]);
