import type { HookContext, PlanContext, PlannedSubtask, SqlClient } from '@longshore/sdk';
import type { BackfillWork } from '../backfill-work.ts';
import type { BackfillTuning } from '../meta/tuning.ts';
import { rangeCount } from '../ranges/range-count.ts';
import type { KeyRange } from '../ranges/key-range.ts';
import { splitRanges } from '../ranges/split-ranges.ts';
import { keyTypeOf, type BackfillTarget } from '../table/backfill-target.ts';
import { findTarget } from '../table/find-target.ts';
import { sampleKeys } from '../table/sample-keys.ts';
import { highestKey } from '../table/walk-keys.ts';
import type { RangeWork } from './range-work.ts';

/** How a table is divided. */
export interface RangePlan {
  readonly target: BackfillTarget;
  /** Disjoint, in order, everything up to the highest key of now; empty for an empty table. */
  readonly ranges: readonly KeyRange[];
  /** When that key was read, in seconds since 1970 by the target's clock. */
  readonly plannedAt: number;
  /** Rows of the table, estimated. */
  readonly rows: number;
  /** Rows that match, estimated. */
  readonly matching: number;
}

/** Divides the table by a sample of its keys. It reads some pages and both ends of the key's index, however large the table is. */
export async function planRanges<Meta extends BackfillTuning, Settings>(
  context: HookContext<Meta, Settings>,
  work: BackfillWork<Meta, Settings>,
): Promise<RangePlan> {
  const { meta } = context.task;
  return context.connection(meta.connection).read(async (client) => {
    const target = await findTarget(client, work.table(meta));
    const parts = (rows: number): number => rangeCount(rows, meta.rangeRows ?? null);
    const sample = await sampleKeys(client, target, work.where(meta), parts);
    const last = await highestKey(client, target, null);
    // After the key: whoever holds a lower one that can't be seen yet has begun before this.
    const plannedAt = await readClock(client);
    const type = keyTypeOf(target);
    // A sampled key can be above the last one by now, if rows were deleted.
    const ends = last === null ? [] : [...sample.quantiles.filter((key) => type.compare(key, last) < 0), last];
    const matching = Math.round(sample.rows * sample.matching);
    return { target, ranges: splitRanges(ends, type), plannedAt, rows: sample.rows, matching };
  });
}

/** One subtask per range. A dry run has none. */
export async function* planUpdate<Meta extends BackfillTuning, Settings>(
  context: PlanContext<Meta, Settings>,
  work: BackfillWork<Meta, Settings>,
): AsyncGenerator<PlannedSubtask> {
  if (context.task.meta.dryRun) return;
  const { target, ranges, plannedAt, rows } = await planRanges(context, work);
  context.logger.info(`${target.table}: about ${rows} rows in ${ranges.length} ranges of ${target.key}`);
  const rangeRows = Math.round(rows / Math.max(1, ranges.length));
  for (const range of ranges) yield { meta: { target, range, plannedAt } satisfies RangeWork, rows: rangeRows };
}

async function readClock(client: SqlClient): Promise<number> {
  const read = await client.query<{ now: number }>('SELECT extract(epoch FROM clock_timestamp())::float8 AS now');
  return read.rows[0]?.now ?? 0;
}
