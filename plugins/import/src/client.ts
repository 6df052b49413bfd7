import type { TaskTypeRef } from '@longshore/client';
import type { z } from 'zod';
import type { submittedImport } from './meta/import-meta.ts';
import type { ImportResult } from './steps/import-result.ts';

export type { ImportResult } from './steps/import-result.ts';

/** What a submit of an import says. */
export type ImportInput = z.input<typeof submittedImport>;

/** The task type `import`, for `submit` and `submitWithin`. Loads nothing of the type's code. */
export const importTask: TaskTypeRef<'import', ImportInput, ImportResult> = { type: 'import' };

declare module '@longshore/client' {
  interface TaskTypes {
    readonly import: typeof importTask;
  }
}
