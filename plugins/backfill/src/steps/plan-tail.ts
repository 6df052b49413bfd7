import type { PlanContext, PlannedSubtask } from '@longshore/sdk';
import type { BackfillWork } from '../backfill-work.ts';
import type { BackfillTuning } from '../meta/tuning.ts';
import { findTarget } from '../table/find-target.ts';
import { rangeWork, type RangeWork } from './range-work.ts';

/**
 * One subtask for all that was added behind the last range. A step of its own, since it must not end before any of the
 * other ranges has: what came in while they were worked on is what it is for.
 */
export async function* planTail<Meta extends BackfillTuning, Settings>(
  context: PlanContext<Meta, Settings>,
  work: BackfillWork<Meta, Settings>,
): AsyncGenerator<PlannedSubtask> {
  const { meta } = context.task;
  if (meta.dryRun) return;
  let last: RangeWork | null = null;
  for await (const { meta: done } of context.previousSubtasks('update')) last = rangeWork.parse(done);
  // The table was empty.
  const target =
    last?.target ?? (await context.connection(meta.connection).read((c) => findTarget(c, work.table(meta))));
  const range = { after: last?.range.upTo ?? null, upTo: null };
  yield { meta: { target, range, plannedAt: last?.plannedAt ?? 0 } satisfies RangeWork };
}
