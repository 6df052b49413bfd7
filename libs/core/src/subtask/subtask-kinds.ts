import type { TaskState } from '../task/task-states.ts';

/** Everything that the framework has to know of one kind of subtask. */
export interface SubtaskKindInfo {
  /** The hook of the task type that it runs; null: code of the framework's own. */
  readonly hook: string | null;
  /**
   * Which rows there are: `planned`: as many as a plan of the step says; `per step`: one for each step of the task, and one before
   * the first; `per task`: one.
   */
  readonly rows: 'planned' | 'per step' | 'per task';
  /**
   * The states of its task in which it may be claimed. Together with the task's current step and plan attempt this alone decides what
   * may start, so that a cancel or a pause is one update of the task's row.
   */
  readonly claimableIn: readonly TaskState[];
  /** Further states in which a running one continues; none starts there. */
  readonly goesOnIn: readonly TaskState[];
  /** States in which a running one is asked to pause: it waits with its checkpoint. In all others it is canceled. */
  readonly pausedIn: readonly TaskState[];
  /**
   * Whether its step, and with it the task, waits for it. One that doesn't is a side kind: it goes on beside the step's work, and only
   * a pause and the undoing of its task wait for its end.
   */
  readonly keepsStepOpen: boolean;
  /** What of its task has to have ended before one is added: its `step`, `everything` that runs, or `nothing`. */
  readonly comesAfter: 'nothing' | 'step' | 'everything';
  /**
   * Whether the revert of its task waits for it last of all. In `reverting` it goes on while others of the task are left, and none is
   * started; then it is canceled, so that the revert is alone.
   */
  readonly lastsUntilRevert: boolean;
  /** Whether it runs as long as its task does, and ends only when it is stopped. */
  readonly isLongLived: boolean;
  /**
   * What one takes on its node while it runs: `slots`: slots of its task; `shared`: one of the few places that all such kinds share; a
   * number: one of so many places that each node has for this kind alone.
   */
  readonly allowance: 'slots' | 'shared' | number;
  /**
   * Whether a task that is undone by force goes on without it once it has made no progress for a while: it is stopped and not tried again. It
   * is then left out.
   */
  readonly isLeftOutByForce: boolean;
  /** Whether one may simply be run again: as its plan said, or always. What a stop comes to depends on it (`STOP_EFFECTS`). */
  readonly mayRunAgain: 'as planned' | 'always';
  /**
   * When a pending one is given to another node: `spread`: also to even out what the task's nodes have; `no room`: only when its
   * node takes no work, or has no place for it; `never`: it is pinned to its node.
   */
  readonly moves: 'spread' | 'no room' | 'never';
  /**
   * What follows when it has failed for good: `by onFailure`: the task is undone or awaits resolution, as it says; `undo`: it is undone in any
   * case, as nothing was changed yet; `resolution`: a person decides in any case; `none`: the task continues.
   */
  readonly failure: 'by onFailure' | 'undo' | 'resolution' | 'none';
  /**
   * What becomes of a failed one when a person skips the failed work. `skipped`: it counts as done. `retried`: it is tried again,
   * because the task can't continue without it.
   */
  readonly whenSkipped: 'skipped' | 'retried';
}

/** What most hooks have in common. */
const CONTROL = {
  rows: 'per step',
  goesOnIn: ['pending', 'running', 'modifying', 'awaiting-resolution'],
  pausedIn: ['pausing', 'paused', 'resuming'],
  keepsStepOpen: true,
  comesAfter: 'nothing',
  lastsUntilRevert: false,
  isLongLived: false,
  allowance: 'shared',
  isLeftOutByForce: false,
  mayRunAgain: 'always',
  moves: 'no room',
  failure: 'by onFailure',
  whenSkipped: 'retried',
} as const satisfies Partial<SubtaskKindInfo>;

const kinds = <Kind extends string>(table: Readonly<Record<Kind, SubtaskKindInfo>>): typeof table => table;

/**
 * What a subtask row is for, one row per kind. Everything but `work` is a control subtask: a hook of the plugin that runs on an executor as
 * a row like any other, so that it is claimed, fenced, retried and moved by the same code. What else a build does by kind follows from this
 * table: a new kind is a row here, its hook in the runner, and what decides that it is wanted.
 */
export const SUBTASK_KINDS = kinds({
  work: {
    ...CONTROL,
    hook: 'runSubtask',
    rows: 'planned',
    claimableIn: ['running'],
    allowance: 'slots',
    mayRunAgain: 'as planned',
    moves: 'spread',
    whenSkipped: 'skipped',
  },
  prepare: { ...CONTROL, hook: 'prepare', claimableIn: ['pending'], failure: 'undo' },
  plan: { ...CONTROL, hook: 'planStep', claimableIn: ['pending', 'running'], comesAfter: 'step' },
  /** All work is done by then: undoing it for a hook at its end is a person's decision. */
  finish: { ...CONTROL, hook: 'onDone', claimableIn: ['running'], comesAfter: 'step', failure: 'resolution' },
  revert: {
    ...CONTROL,
    hook: 'revert',
    claimableIn: ['reverting'],
    goesOnIn: ['modifying', 'awaiting-resolution'],
    comesAfter: 'everything',
    isLeftOutByForce: true,
    failure: 'resolution',
  },
  /** A failure for good doesn't delay the task's result. */
  clean: {
    ...CONTROL,
    hook: 'cleanUp',
    claimableIn: ['succeed', 'failed', 'reverted'],
    goesOnIn: ['modifying', 'awaiting-resolution'],
    comesAfter: 'everything',
    isLeftOutByForce: true,
    failure: 'none',
  },
  /** Answers a task's meta after a modification. One that was dropped needs no answer; one that is refused leaves the task as it was. */
  modify: { ...CONTROL, hook: 'modifyMeta', claimableIn: ['modifying'], goesOnIn: [], pausedIn: [], failure: 'none' },
  /** Reads the task's health gates, for work that starts: not while the task awaits resolution. */
  gates: {
    ...CONTROL,
    hook: null,
    rows: 'per task',
    claimableIn: ['running'],
    goesOnIn: ['pending', 'modifying'],
    pausedIn: [...CONTROL.pausedIn, 'awaiting-resolution'],
    keepsStepOpen: false,
    isLongLived: true,
    // A query or two a second each.
    allowance: 64,
  },
  /**
   * Keeps something alive in the target for as long as the task's work may need it: also while the task awaits resolution, and while its
   * revert waits for what still runs.
   */
  tick: {
    ...CONTROL,
    hook: 'onTick',
    rows: 'per task',
    claimableIn: ['running', 'awaiting-resolution'],
    goesOnIn: ['pending', 'modifying', 'cancelling'],
    keepsStepOpen: false,
    lastsUntilRevert: true,
    isLongLived: true,
    // A statement or two every few seconds each.
    allowance: 64,
  },
  /** Asks the type anew where the current step may run. If it can't be asked, its last answer stays valid. */
  place: { ...CONTROL, hook: 'eligibleNodes', claimableIn: ['running'], keepsStepOpen: false, failure: 'none' },
});
export type SubtaskKind = keyof typeof SUBTASK_KINDS;
export type ControlKind = Exclude<SubtaskKind, 'work'>;

/** Kinds in the order of the table. */
export const SUBTASK_KIND_NAMES = Object.keys(SUBTASK_KINDS) as readonly SubtaskKind[];

/** The kinds by their names. */
export const SubtaskKind = Object.fromEntries(SUBTASK_KIND_NAMES.map((kind) => [kind, kind])) as {
  readonly [Kind in SubtaskKind]: Kind;
};

/** Whether this build knows the kind. Rows of other kinds are shown and left alone, and so is their task. */
export function isKnownSubtaskKind(kind: string): kind is SubtaskKind {
  return Object.hasOwn(SUBTASK_KINDS, kind);
}

/** The kinds for which a condition is true, in the order of the table. */
export function kindsWith(holds: (info: SubtaskKindInfo) => boolean): readonly SubtaskKind[] {
  return SUBTASK_KIND_NAMES.filter((kind) => holds(SUBTASK_KINDS[kind]));
}

/** Whether it is a known kind for which its task doesn't wait, except in a pause and while it is undone. */
export function isSideKind(kind: string): boolean {
  return isKnownSubtaskKind(kind) && !SUBTASK_KINDS[kind].keepsStepOpen;
}

/** Whether it is work of a plan's; everything else, known or not, is a control subtask. */
export function isPlannedKind(kind: string): boolean {
  return isKnownSubtaskKind(kind) && SUBTASK_KINDS[kind].rows === 'planned';
}
