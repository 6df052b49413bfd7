import { TaskState, type ErrorData } from '@longshore/core';
import { withTask, type LeadingOwner } from '../scheduling/task-write.ts';
import { archiveSucceededControl } from '../settlements/move-to-history.ts';
import { applyModification, dropModification } from './apply-modification.ts';

/** How the leading owner ends a modification. */
export interface ModificationWrites {
  /** Writes what is to be modified. @param control the subtask that answered the new meta; null: it stays. */
  apply(taskId: string, control: string | null): Promise<boolean>;
  /** The task type refused what is to be modified. */
  drop(taskId: string, error: ErrorData): Promise<boolean>;
}

export function modificationWrites(leader: LeadingOwner): ModificationWrites {
  const { actor } = leader;
  return {
    apply: (id, control) =>
      withTask(leader, id, async (tx, task) => {
        if (task.state !== TaskState.modifying) return false;
        const meta =
          control === null
            ? undefined
            : await archiveSucceededControl(tx, { id: control, taskId: task.id, kind: 'modify' });
        if (control !== null && meta === undefined) return false;
        await applyModification(tx, task, actor, meta);
        return true;
      }),
    drop: (id, error) =>
      withTask(leader, id, async (tx, task) => {
        if (task.state !== TaskState.modifying) return false;
        await dropModification(tx, task, actor, error);
        return true;
      }),
  };
}
