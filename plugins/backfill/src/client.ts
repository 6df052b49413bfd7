import type { TaskTypeRef } from '@longshore/client';
import type { z } from 'zod';
import type { backfillMeta } from './meta/backfill-meta.ts';
import type { BackfillDone } from './steps/backfill-result.ts';
import type { BackfillPreview } from './steps/preview.ts';

export type { BackfillDone } from './steps/backfill-result.ts';
export type { BackfillPreview, RowChange } from './steps/preview.ts';

/** What a submit of a backfill says. */
export type BackfillInput = z.input<typeof backfillMeta>;

/** What a backfill returns: `dryRun` tells which. */
export type BackfillResult = BackfillDone | BackfillPreview;

/** The task type `backfill`, for `submit` and `submitWithin`. Loads nothing of the type's code. */
export const backfillTask: TaskTypeRef<'backfill', BackfillInput, BackfillResult> = { type: 'backfill' };

declare module '@longshore/client' {
  interface TaskTypes {
    readonly backfill: typeof backfillTask;
  }
}
