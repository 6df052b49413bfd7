/** States of a subtask. `skipped` counts as done: a person decided to go on without it. */
export const SubtaskState = {
  pending: 'pending',
  running: 'running',
  succeed: 'succeed',
  failed: 'failed',
  canceled: 'canceled',
  paused: 'paused',
  skipped: 'skipped',
} as const;
export type SubtaskState = (typeof SubtaskState)[keyof typeof SubtaskState];

/**
 * What a subtask row is for. Everything but `work` is a control subtask: a hook of the plugin that runs on an executor as
 * a row like any other, so that it is claimed, fenced, retried and moved by the same code.
 */
export const SubtaskKind = {
  work: 'work',
  prepare: 'prepare',
  plan: 'plan',
  finish: 'finish',
  revert: 'revert',
  clean: 'clean',
  /** Answers a task's meta after a modification. */
  modify: 'modify',
  /** Reads the task's health gates for as long as it runs. */
  gates: 'gates',
  /** Asks the type anew where the current step may run. */
  place: 'place',
} as const;
export type SubtaskKind = (typeof SubtaskKind)[keyof typeof SubtaskKind];
export type ControlKind = Exclude<SubtaskKind, 'work'>;

/** Control subtasks that go on beside a step's work: nothing of the task waits for them, but for being undone. */
export const SIDE_KINDS: readonly string[] = [SubtaskKind.gates, SubtaskKind.place];

/** Terminal states of a subtask; an unknown state counts as in flight. */
export function isTerminalSubtaskState(state: string): boolean {
  return (
    state === SubtaskState.succeed ||
    state === SubtaskState.failed ||
    state === SubtaskState.canceled ||
    state === SubtaskState.skipped
  );
}
