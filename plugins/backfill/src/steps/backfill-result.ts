import type { HookContext } from '@longshore/sdk';
import type { BackfillWork } from '../backfill-work.ts';
import { rangeResult } from '../batches/range-progress.ts';
import type { BackfillTuning } from '../meta/tuning.ts';
import { isFamilyChanged } from '../table/find-target.ts';
import { rangeWork, type RangeWork } from './range-work.ts';
import { verifyResult } from './verify-range.ts';

/** What a backfill returns. A type and no interface: it is JSON. */
export type BackfillDone = {
  readonly dryRun: false;
  /** Rows that were changed. */
  readonly rows: number;
  readonly batches: number;
  readonly ranges: number;
  /** The highest key that was looked at, as text; null for an empty table. */
  readonly throughKey: string | null;
  /** Rows that still match the `where`, or match again; null without a `where`. */
  readonly remaining: number | null;
  /** There where partitions came or went meanwhile: rows of one that came may have been left out. */
  readonly partitionsChanged?: true;
};

/** The result of a backfill that was done. */
export async function backfillResult<Meta extends BackfillTuning, Settings>(
  context: HookContext<Meta, Settings>,
  work: BackfillWork<Meta, Settings>,
): Promise<BackfillDone> {
  const totals = { rows: 0, batches: 0, ranges: 0, throughKey: null as string | null };
  let first: RangeWork | null = null;
  for (const step of ['update', 'tail']) {
    for await (const { meta, result } of context.previousSubtasks(step)) {
      first ??= rangeWork.parse(meta);
      const { rows, batches, throughKey } = rangeResult.parse(result);
      totals.rows += rows;
      totals.batches += batches;
      totals.ranges += 1;
      // They come in the order of their keys.
      totals.throughKey = throughKey ?? totals.throughKey;
    }
  }
  const changes = await tellFamilyChange(context, first);
  if (work.where(context.task.meta) === null) return { dryRun: false, ...totals, remaining: null, ...changes };
  let remaining = 0;
  for await (const { result } of context.previousSubtasks('verify')) remaining += verifyResult.parse(result).remaining;
  if (remaining > 0) {
    context.logger.warn(
      `${remaining} rows still match the where, or match again: writers made them, or the change leaves the where true; a backfill with the same where changes them`,
    );
  }
  return { dryRun: false, ...totals, remaining, ...changes };
}

/** A change of the partitions can't be refused in advance, so it is told. */
async function tellFamilyChange<Meta extends BackfillTuning, Settings>(
  { task, connection, logger }: HookContext<Meta, Settings>,
  work: RangeWork | null,
): Promise<{ readonly partitionsChanged?: true }> {
  if (work === null) return {};
  if (!(await connection(task.meta.connection).read((client) => isFamilyChanged(client, work.target)))) return {};
  logger.warn(
    `the tables that ${work.target.table} consists of changed while it was backfilled: rows of one that was attached may have been left out; a backfill with a where changes them`,
  );
  return { partitionsChanged: true };
}
