import { TaskState } from '@longshore/core';
import { controlInsertion } from '../controls/control-row.ts';
import { withTask, type LeadingOwner } from '../scheduling/task-write.ts';
import { COMMIT_LATER, type Tx } from '../session/transactions.ts';
import { archiveSucceededControl } from '../settlements/move-to-history.ts';
import { transitionTask, type LockedTask } from '../tasks/transition-task.ts';
import { takePlacement } from './step-placement.ts';
import { findUnfinished, stepStart, type StoredPlanResult } from './step-start.ts';

/** From one step to the next, as the leading owner writes it. */
export interface StepWrites {
  /** Makes the planned step the current one: from then on its rows are claimable. */
  consumePlan(taskId: string, control: string, after: AfterLastStep): Promise<boolean>;
  /** Takes what the type said of where the step may run; where it could not say, what it said before holds on. */
  consumePlace(taskId: string, control: string): Promise<boolean>;
}

/** What follows a plan that found no further step. */
export type AfterLastStep = { readonly do: 'insert-finish'; readonly node: string | null } | { readonly do: 'finish' };

export function stepWrites(leader: LeadingOwner): StepWrites {
  return {
    consumePlan: (id, control, after) =>
      withTask<ReadonlySet<string>>(
        leader,
        id,
        async (tx, task, commit, unfinished) => {
          if (task.state !== TaskState.pending && task.state !== TaskState.running) return false;
          if (unfinished.size > 0) return false;
          const result = (await archiveSucceededControl(tx, { id: control, taskId: task.id, kind: 'plan' })) as
            StoredPlanResult | undefined;
          if (result === undefined) return false;
          if (result.step !== null) await commit(COMMIT_LATER, ...stepStart(task, result, leader.actor));
          else await endSteps(tx, task, after, leader.actor);
          return true;
        },
        (tx) => findUnfinished(tx, [id]),
      ),
    consumePlace: (id, control) => withTask(leader, id, (tx, task) => takePlacement(tx, task, control)),
  };
}

async function endSteps(tx: Tx, task: LockedTask, after: AfterLastStep, actor: string): Promise<void> {
  const running =
    task.state === TaskState.running ? task : { ...task, state: TaskState.running, version: task.version + 1 };
  if (task.state !== TaskState.running) {
    await transitionTask(tx, task, { trigger: 'plan', to: TaskState.running, actor, message: 'there are no steps' });
  }
  if (after.do === 'insert-finish') {
    if (after.node !== null) await controlInsertion(running, 'finish', after.node).execute(tx);
    return;
  }
  await transitionTask(tx, running, { trigger: 'finish', to: TaskState.succeed, actor, outcome: 'succeeded' });
}
