/** States of a task, with the names of the published stepped design. */
export const TaskState = {
  pending: 'pending',
  running: 'running',
  succeed: 'succeed',
  failed: 'failed',
  reverting: 'reverting',
  reverted: 'reverted',
  awaitingResolution: 'awaiting-resolution',
  cancelling: 'cancelling',
  pausing: 'pausing',
  paused: 'paused',
  resuming: 'resuming',
  modifying: 'modifying',
} as const;
export type TaskState = (typeof TaskState)[keyof typeof TaskState];

/** How a terminal task ended. It saves readers from matching states or error texts. */
export const TaskOutcome = { succeeded: 'succeeded', failed: 'failed', canceled: 'canceled' } as const;
export type TaskOutcome = (typeof TaskOutcome)[keyof typeof TaskOutcome];

/** What follows a failure. `revert`: the task's work is undone. `hold`: the task awaits resolution by a person. */
export const OnFailure = { revert: 'revert', hold: 'hold' } as const;
export type OnFailure = (typeof OnFailure)[keyof typeof OnFailure];

const TERMINAL: ReadonlySet<string> = new Set([TaskState.succeed, TaskState.failed, TaskState.reverted]);
const KNOWN: ReadonlySet<string> = new Set(Object.values(TaskState));

/**
 * Whether a task in this state has ended. A state that this build doesn't know counts as in flight, so that an older
 * service never sweeps what a newer one is working on.
 */
export function isTerminalTaskState(state: string): boolean {
  return TERMINAL.has(state);
}

/** Whether this build knows the state. Tasks in unknown states are shown and left alone. */
export function isKnownTaskState(state: string): state is TaskState {
  return KNOWN.has(state);
}
