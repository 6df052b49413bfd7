import type { HookContext } from '@longshore/sdk';
import { rangeResult } from '../batches/range-progress.ts';
import type { BackfillTuning } from '../meta/tuning.ts';

/**
 * The end of a backfill that was canceled or failed. Nobody knows the old values any more, so rows keep what they have; but the
 * task's fence is closed, so that no late attempt changes another one after this.
 */
export async function revertBackfill<Meta extends BackfillTuning, Settings>(
  context: HookContext<Meta, Settings>,
): Promise<void> {
  // A dry run, and one that was refused, has changed nothing.
  if (context.task.meta.dryRun) return;
  await context.connection(context.task.meta.connection).revertEffects((_, committed) => {
    const done = committed.flatMap(({ result }) => rangeResult.safeParse(result).data ?? []);
    const rows = done.reduce((sum, { rows: changed }) => sum + changed, 0);
    context.logger.warn(
      `a backfill can't be undone: ${rows} rows of the ${done.length} finished ranges keep their new values, and so do changed rows of begun ranges; nothing more changes`,
    );
    return Promise.resolve();
  });
}
