import type { TaskType } from '@longshore/sdk';
import { openTargetDatabase, type TargetDatabase } from '@longshore/testing-plugins';
import backfillTaskType, { type BackfillTuning } from '../src/index.ts';
import { BackfillRun } from './backfill-run.ts';

/** A target database whose tables are backfilled. */
export interface BackfillTarget extends TargetDatabase {
  /** A backfill of its own into the target; of the SQL type unless another one is given. */
  start<Meta extends BackfillTuning>(meta: Record<string, unknown>, options?: StartOptions<Meta>): BackfillRun;
}

export interface StartOptions<Meta extends BackfillTuning> {
  readonly url?: string;
  readonly type?: TaskType<Meta, undefined>;
}

export async function openBackfillTarget(): Promise<BackfillTarget> {
  const target = await openTargetDatabase();
  return {
    ...target,
    start: (meta, { url = target.url, type } = {}) =>
      new BackfillRun({ url, type: type ?? backfillTaskType, taskId: target.nextTaskId(), meta }),
  };
}
