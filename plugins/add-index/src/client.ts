import type { TaskTypeRef } from '@longshore/client';
import type { z } from 'zod';
import type { submittedAddIndex } from './meta/add-index-meta.ts';
import type { AddIndexResult } from './steps/add-index-result.ts';

export type { AddIndexResult } from './steps/add-index-result.ts';

/** What a submit of an `add-index` says. */
export type AddIndexInput = z.input<typeof submittedAddIndex>;

/** The task type `add-index`, for `submit` and `submitWithin`. Loads nothing of the type's code. */
export const addIndexTask: TaskTypeRef<'add-index', AddIndexInput, AddIndexResult> = { type: 'add-index' };

declare module '@longshore/client' {
  interface TaskTypes {
    readonly 'add-index': typeof addIndexTask;
  }
}
