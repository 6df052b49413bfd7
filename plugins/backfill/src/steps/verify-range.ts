import type { JsonValue, PlanContext, PlannedSubtask, SubtaskContext } from '@longshore/sdk';
import { z } from 'zod';
import type { BackfillWork } from '../backfill-work.ts';
import { withTableName } from '../errors/postgres-error.ts';
import type { BackfillTuning } from '../meta/tuning.ts';
import { rowsOf } from '../table/backfill-target.ts';
import { matchCondition } from '../table/range-condition.ts';
import { rangeWork, type RangeWork } from './range-work.ts';

/** What a subtask of `verify` returns. */
export const verifyResult = z.object({
  /** Rows of its range that still match. */
  remaining: z.number(),
});

/**
 * The ranges of the steps before, the open one included: many short reads, as a long one would keep the server from
 * cleaning up behind the writers. Without a predicate there is nothing that a changed row can be told by, so the step is skipped.
 */
export async function* planVerify<Meta extends BackfillTuning, Settings>(
  context: PlanContext<Meta, Settings>,
  work: BackfillWork<Meta, Settings>,
): AsyncGenerator<PlannedSubtask> {
  const { meta } = context.task;
  if (meta.dryRun || work.where(meta) === null) return;
  for (const step of ['update', 'tail']) {
    for await (const { meta: done } of context.previousSubtasks(step)) {
      yield { meta: rangeWork.parse(done) satisfies RangeWork };
    }
  }
}

/** Counts the rows of a range that match still, or again. */
export async function verifyRange<Meta extends BackfillTuning, Settings>(
  context: SubtaskContext<Meta, Settings>,
  work: BackfillWork<Meta, Settings>,
): Promise<JsonValue> {
  const { target, range } = rangeWork.parse(context.subtask.meta);
  const { meta } = context.task;
  const { text, values } = matchCondition(target, range, work.where(meta));
  try {
    const counted = await context
      .connection(meta.connection)
      .read((client) =>
        client.query<{ n: string }>(`SELECT count(*)::text AS n FROM ${rowsOf(target)} WHERE ${text}`, values),
      );
    return { remaining: Number(counted.rows[0]?.n ?? 0) };
  } catch (error) {
    throw withTableName(error, target.table);
  }
}
