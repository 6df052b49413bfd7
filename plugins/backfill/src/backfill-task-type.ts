import type { TaskType } from '@longshore/sdk';
import { makeBackfill } from './make-backfill.ts';
import { backfillMeta, type BackfillMeta } from './meta/backfill-meta.ts';
import { sqlWork } from './sql/sql-work.ts';

/** The task type `backfill`: new values for columns of a live table, by SQL expressions. */
export const backfillTaskType: TaskType<BackfillMeta, undefined> = makeBackfill<BackfillMeta, undefined>(
  {
    type: 'backfill',
    version: '0.1.0',
    description: 'Gives columns of a live Postgres table new values, batch by batch, each row exactly once.',
    meta: backfillMeta,
  },
  sqlWork,
);
