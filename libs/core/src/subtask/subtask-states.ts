/** States of a subtask. `skipped` counts as done: a person decided to continue without it. */
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

/** Terminal states of a subtask; an unknown state counts as in flight. */
export function isTerminalSubtaskState(state: string): boolean {
  return (
    state === SubtaskState.succeed ||
    state === SubtaskState.failed ||
    state === SubtaskState.canceled ||
    state === SubtaskState.skipped
  );
}
