import { errorMaker } from '@longshore/sdk';
import { BackfillErrorCode } from './backfill-error-code.ts';

/** Makes an error of a backfill. All are permanent except a full disk. */
export const backfillError = errorMaker<BackfillErrorCode>([BackfillErrorCode.DiskFull]);
