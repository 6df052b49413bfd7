import type { StepExecutor } from '@longshore/sdk';
import type { ImportMeta } from '../meta/import-meta.ts';
import type { ImportSettings } from '../meta/import-settings.ts';

/** A subtask of an import is one stream in one session, whatever its slots: it conforms to any number of them at once. */
export function resizable(
  executor: StepExecutor<ImportMeta, ImportSettings>,
): StepExecutor<ImportMeta, ImportSettings> {
  return { ...executor, resourceModified: () => Promise.resolve() };
}
