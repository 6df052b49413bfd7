import { TaskState } from '@longshore/core';
import { sql } from 'kysely';
import { withTask, type LeadingOwner } from '../scheduling/task-write.ts';
import { archiveSucceededControl } from '../settlements/move-to-history.ts';
import { validationOf } from './submitted-task.ts';
import type { TaskSettings } from './task-settings.ts';

/** What makes a submitted task ready to be admitted. */
export interface PreparationWrites {
  /** Gives a task that was submitted within a transaction its settings: from then on it is like any other. */
  validate(taskId: string, settings: TaskSettings): Promise<boolean>;
  /** Applies what `prepare` asked for, so that the task can be admitted. */
  consumePrepare(taskId: string, control: string): Promise<boolean>;
}

/** Kept before something else is made of it, so that a restart begins with it. */
const AS_SUBMITTED = sql`coalesce(as_submitted, json_build_object(
  'meta', meta, 'slots', slots, 'slotsPerSubtask', slots_per_subtask, 'maxNodes', max_nodes))`;

export function preparationWrites(leader: LeadingOwner): PreparationWrites {
  return {
    validate: (id, settings) =>
      withTask(leader, id, async (tx) => (await validationOf(id, settings).execute(tx)).numAffectedRows === 1n),
    consumePrepare: (id, control) =>
      withTask(leader, id, async (tx, task) => {
        if (task.state !== TaskState.pending) return false;
        const result = await archiveSucceededControl(tx, { id: control, taskId: task.id, kind: 'prepare' });
        if (result === undefined) return false;
        const prepared = (result ?? {}) as { meta?: unknown; slots?: number; maxNodes?: number };
        await sql`
          UPDATE tasks SET is_prepared = true, has_hook = false, version = version + 1, updated_at = clock_timestamp(),
            as_submitted = ${Object.keys(prepared).length === 0 ? sql`as_submitted` : AS_SUBMITTED},
            meta = coalesce(${prepared.meta === undefined ? null : JSON.stringify(prepared.meta)}::json, meta),
            slots = coalesce(${prepared.slots ?? null}, slots),
            slots_per_subtask = least(slots_per_subtask, coalesce(${prepared.slots ?? null}, slots_per_subtask)),
            max_nodes = coalesce(${prepared.maxNodes ?? null}, max_nodes)
          WHERE id = ${task.id}`.execute(tx);
        return true;
      }),
  };
}
