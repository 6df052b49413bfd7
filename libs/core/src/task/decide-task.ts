import type { SubtaskId, TaskId } from '../data/ids.ts';
import type { ErrorData } from '../errors/longshore-error.ts';
import type { Placement } from '../placement/label-selectors.ts';
import {
  isKnownSubtaskKind,
  isSideKind,
  SUBTASK_KINDS,
  SubtaskKind,
  type ControlKind,
  type SubtaskKindInfo,
} from '../subtask/subtask-kinds.ts';
import { isTerminalSubtaskState } from '../subtask/subtask-states.ts';
import { wantedLongLived } from '../subtask/long-lived.ts';
import type { Modification } from './task-changes.ts';
import { isKnownTaskState, TaskState, type OnFailure } from './task-states.ts';
import type { TaskGuard } from './task-transitions.ts';

/** A control subtask of the task that has not been consumed yet. */
export interface ControlSnapshot {
  readonly id: SubtaskId;
  /** A {@link ControlKind}, or one that this build doesn't know. */
  readonly kind: string;
  readonly state: string;
  readonly error: ErrorData | null;
}

/** What a succeeded plan subtask decided: which step comes next, or that none does. */
export interface PlanResult {
  /** The planned step; null: there is no further step. */
  readonly step: string | null;
  /** The attempt whose rows count. */
  readonly planAttempt: number;
  readonly subtasks: number;
  /** Where the step may run, as its type said; null, or not there: everywhere. */
  readonly placement?: Placement | null;
  /** The membership for which it said so. */
  readonly placedFor?: string | null;
}

/** Everything that the next move of one task depends on. */
export interface TaskSnapshot {
  readonly id: TaskId;
  readonly state: string;
  readonly step: string | null;
  readonly onFailure: OnFailure;
  /** What is being changed of it, while it is `modifying`. */
  readonly modification: Modification | null;
  /** Whether its deadline has passed. */
  readonly isOverdue: boolean;
  /** Whether hooks that can't run are skipped while it is undone. */
  readonly isForced: boolean;
  /** Whether some node could run its hooks now. */
  readonly hasNode: boolean;
  /** Whether it has its slots; only admitted tasks go forward. */
  readonly isAdmitted: boolean;
  /** Steps and hooks that its type registered. */
  readonly type: { readonly steps: readonly string[]; readonly hooks: readonly string[] };
  /** False: submitted within a user's transaction, and no owner has checked it against its type yet. */
  readonly isValidated: boolean;
  readonly isPrepared: boolean;
  /** Whether any hook of the plugin has been started for this task. */
  readonly hookRan: boolean;
  readonly controls: readonly ControlSnapshot[];
  /** Whether health gates are declared for it. */
  readonly hasGates: boolean;
  /** Whether its type is to be asked anew where the current step may run: other nodes could take it than when it was asked. */
  readonly needsPlacement: boolean;
  /** Whether a subtask is pending or paused; those of side kinds don't count. */
  readonly hasPending: boolean;
  /** Whether a subtask is running on a node; those of side kinds don't count. */
  readonly hasRunning: boolean;
  /** The first failed work subtask's error. */
  readonly firstFailure: ErrorData | null;
  /** Whether all of its failures are of the kind that pauses it. */
  readonly doFailuresPause: boolean;
}

/** The owner's next move for a task. */
export type TaskMove =
  | { readonly do: 'wait' }
  /** Checks it against its type and gives it its settings, or refuses it. */
  | { readonly do: 'validate' }
  | { readonly do: 'insert-control'; readonly kind: ControlKind }
  | { readonly do: 'consume-prepare'; readonly control: SubtaskId }
  | { readonly do: 'consume-plan'; readonly control: SubtaskId }
  | { readonly do: 'consume-place'; readonly control: SubtaskId }
  | { readonly do: 'finish'; readonly control: SubtaskId | null }
  /** `isUntouched`: nothing was changed yet, so a person has nothing to decide. */
  | { readonly do: 'fail'; readonly error: ErrorData; readonly isUntouched?: true; readonly guard?: TaskGuard }
  /** Its errors are of the kind that pauses it. */
  | { readonly do: 'suspend'; readonly error: ErrorData }
  /** Nothing of it runs any more. */
  | { readonly do: 'settle' }
  | { readonly do: 'continue' }
  /** @param control the subtask that answered the new meta; null: the meta stays. */
  | { readonly do: 'apply'; readonly control: SubtaskId | null }
  /** The task type refused a modification: the task continues as before. */
  | { readonly do: 'drop'; readonly error: ErrorData }
  | { readonly do: 'stop' }
  /** `keepsWork`: ends hooks alone, so that a person may still let the task go on. */
  | { readonly do: 'end-pending'; readonly keepsWork?: true }
  /** Only side subtasks still run: their nodes look, and end them. */
  | { readonly do: 'end-side' }
  /** `skipped`: why a forced cancel skips the revert hook. */
  | { readonly do: 'undo'; readonly control: SubtaskId | null; readonly skipped?: string }
  | { readonly do: 'archive'; readonly skipped?: string };

const WAIT: TaskMove = { do: 'wait' };

/** How a task ends that took longer than it may. */
export const DEADLINE_EXCEEDED: ErrorData = {
  code: 'DEADLINE_EXCEEDED',
  message: 'the task missed its deadline',
  permanent: true,
};

/**
 * Decides what the owner does next for one task. Pure and total: the same snapshot always gives the same move, and a
 * state that this build doesn't know gives `wait`, as does a control subtask of such a kind: nobody here can say what it is for.
 */
export function decideTask(task: TaskSnapshot): TaskMove {
  if (!isKnownTaskState(task.state) || !task.controls.every((row) => isKnownSubtaskKind(row.kind))) return WAIT;
  switch (task.state) {
    case TaskState.pending:
      return decidePending(task);
    case TaskState.running:
      return decideRunning(task);
    case TaskState.cancelling:
      return { do: 'stop' };
    case TaskState.reverting:
      return decideReverting(task);
    case TaskState.succeed:
    case TaskState.failed:
    case TaskState.reverted:
      return decideTerminal(task);
    case TaskState.pausing:
      return decidePausing(task);
    case TaskState.resuming:
      return { do: 'continue' };
    case TaskState.modifying:
      return decideModifying(task);
    // A person decides.
    case TaskState.paused:
    case TaskState.awaitingResolution:
      return WAIT;
    default:
      return task.state satisfies never;
  }
}

function control(task: TaskSnapshot, kind: ControlKind): ControlSnapshot | undefined {
  return task.controls.find((row) => row.kind === kind);
}

/** What a control subtask's failure means for its task. */
function failureOf({ kind }: ControlSnapshot): SubtaskKindInfo['failure'] | null {
  return isKnownSubtaskKind(kind) ? SUBTASK_KINDS[kind].failure : null;
}

function decidePending(task: TaskSnapshot): TaskMove {
  if (!task.isValidated) return { do: 'validate' };
  if (task.isOverdue) return { do: 'fail', error: DEADLINE_EXCEEDED };
  const failed = task.controls.find((row) => row.state === 'failed');
  if (failed !== undefined) {
    const error = failed.error ?? unexplained(failed);
    return failureOf(failed) === 'undo' ? { do: 'fail', error, isUntouched: true } : { do: 'fail', error };
  }
  const prepare = control(task, SubtaskKind.prepare);
  if (prepare !== undefined) {
    return prepare.state === 'succeed' ? { do: 'consume-prepare', control: prepare.id } : WAIT;
  }
  if (!task.isPrepared && task.type.hooks.includes('prepare'))
    return { do: 'insert-control', kind: SubtaskKind.prepare };
  return decidePlan(task);
}

/** Planning the first or the next step, once nothing of the current one is left. */
function decidePlan(task: TaskSnapshot): TaskMove {
  const plan = control(task, SubtaskKind.plan);
  if (plan !== undefined) return plan.state === 'succeed' ? { do: 'consume-plan', control: plan.id } : WAIT;
  if (!task.isAdmitted) return WAIT;
  return { do: 'insert-control', kind: SubtaskKind.plan };
}

function decideRunning(task: TaskSnapshot): TaskMove {
  if (task.isOverdue) return { do: 'fail', error: DEADLINE_EXCEEDED };
  if (task.firstFailure !== null) {
    return { do: task.doFailuresPause ? 'suspend' : 'fail', error: task.firstFailure };
  }
  const failed = task.controls.find((row) => row.state === 'failed' && failureOf(row) !== 'none');
  if (failed !== undefined) {
    const error = failed.error ?? unexplained(failed);
    return failureOf(failed) === 'resolution'
      ? { do: 'fail', error, guard: 'a finish hook failed' }
      : { do: 'fail', error };
  }
  const missing = wantedLongLived(task).find((kind) => control(task, kind) === undefined);
  if (missing !== undefined) return { do: 'insert-control', kind: missing };
  const place = control(task, SubtaskKind.place);
  if (place !== undefined && isTerminalSubtaskState(place.state)) return { do: 'consume-place', control: place.id };
  if (place === undefined && task.needsPlacement) return { do: 'insert-control', kind: SubtaskKind.place };
  const finish = control(task, SubtaskKind.finish);
  if (finish !== undefined) return finish.state === 'succeed' ? { do: 'finish', control: finish.id } : WAIT;
  if (control(task, SubtaskKind.plan) !== undefined) return decidePlan(task);
  if (task.hasPending || task.hasRunning) return WAIT;
  if (!isLastStep(task)) return decidePlan(task);
  return finishOrSucceed(task);
}

/** Whether the current step is known to be the last one without asking the plugin. */
function isLastStep(task: TaskSnapshot): boolean {
  if (task.type.hooks.includes('nextStep')) return false;
  return task.step === task.type.steps.at(-1);
}

/** After the last step: run the plugin's `onDone` if it has one, otherwise the task has succeeded. */
export function finishOrSucceed(task: Pick<TaskSnapshot, 'type'>): TaskMove {
  return task.type.hooks.includes('onDone')
    ? { do: 'insert-control', kind: SubtaskKind.finish }
    : { do: 'finish', control: null };
}

/** Over once nothing runs. What failed meanwhile is dealt with when it is resumed. */
function decidePausing(task: TaskSnapshot): TaskMove {
  const isBusy = task.controls.some((row) => isSideKind(row.kind) && row.state === 'running');
  return task.hasRunning || isBusy ? WAIT : { do: 'settle' };
}

function decideModifying(task: TaskSnapshot): TaskMove {
  if (task.modification?.changes.meta === undefined) return { do: 'apply', control: null };
  const asked = control(task, SubtaskKind.modify);
  if (asked === undefined) return { do: 'insert-control', kind: SubtaskKind.modify };
  if (asked.state === 'succeed') return { do: 'apply', control: asked.id };
  if (asked.state === 'failed') return { do: 'drop', error: asked.error ?? unexplained(asked) };
  return WAIT;
}

function decideReverting(task: TaskSnapshot): TaskMove {
  const revert = control(task, SubtaskKind.revert);
  if (revert === undefined) return decideUnreverted(task);
  if (revert.state === 'succeed') return endingWork(task, { do: 'undo', control: revert.id });
  if (revert.state === 'failed') {
    const error = revert.error ?? unexplained(revert);
    if (task.isForced) {
      const skipped = `its revert hook failed: ${error.code}: ${error.message}`;
      return endingWork(task, { do: 'undo', control: null, skipped });
    }
    return { do: 'fail', error, guard: 'a revert failed' };
  }
  const isStuck = task.isForced && !task.hasNode && revert.state === 'pending';
  return isStuck ? endingWork(task, NO_NODE_REVERTS) : WAIT;
}

/**
 * Before the revert hook: hooks that wait end first; what runs ends by its holder's word or when its node is fenced. Work that waits stays
 * until the hook has undone the task: if the hook fails before that, a person may let the task go on.
 */
function decideUnreverted(task: TaskSnapshot): TaskMove {
  const hasRevert = task.hookRan && task.type.hooks.includes('revert');
  if (!hasRevert && task.hasPending) return { do: 'end-pending' };
  if (task.controls.some((row) => row.state === 'pending' || row.state === 'paused'))
    return { do: 'end-pending', keepsWork: true };
  const running = task.controls.filter((row) => isSideKind(row.kind) && row.state === 'running');
  if (task.hasRunning) return WAIT;
  if (running.length > 0) return running.some(lastsUntilRevert) ? { do: 'end-side' } : WAIT;
  if (!hasRevert) return { do: 'undo', control: null };
  if (task.isForced && !task.hasNode) return endingWork(task, NO_NODE_REVERTS);
  return { do: 'insert-control', kind: SubtaskKind.revert };
}

const NO_NODE_REVERTS: TaskMove = { do: 'undo', control: null, skipped: 'no node can run its revert hook' };

/** Work that was kept ends before its task does. */
function endingWork(task: TaskSnapshot, move: TaskMove): TaskMove {
  return task.hasPending ? { do: 'end-pending' } : move;
}

function lastsUntilRevert({ kind }: ControlSnapshot): boolean {
  return isKnownSubtaskKind(kind) && SUBTASK_KINDS[kind].lastsUntilRevert;
}

/** A terminal task runs its clean hook, after everything else of it has ended, then leaves for history. */
function decideTerminal(task: TaskSnapshot): TaskMove {
  const clean = control(task, SubtaskKind.clean);
  const isStuck = task.isForced && !task.hasNode;
  if (clean === undefined && task.hookRan && task.type.hooks.includes('cleanUp')) {
    if (isStuck) return { do: 'archive', skipped: 'no node can run its clean-up hook' };
    if (task.controls.some((row) => isSideKind(row.kind) && row.state === 'running')) return { do: 'end-side' };
    return task.hasRunning ? WAIT : { do: 'insert-control', kind: SubtaskKind.clean };
  }
  if (clean?.state === 'pending' && isStuck) return { do: 'archive', skipped: 'no node can run its clean-up hook' };
  // A clean-up that failed for good doesn't delay the result; its error stays visible in history.
  return clean === undefined || isTerminalSubtaskState(clean.state) ? { do: 'archive' } : WAIT;
}

function unexplained(row: ControlSnapshot): ErrorData {
  return {
    code: 'INTERNAL',
    message: `${row.kind} subtask ${row.id} is ${row.state} without an error`,
    permanent: true,
  };
}
