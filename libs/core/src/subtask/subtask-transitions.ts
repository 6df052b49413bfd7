import type { SubtaskState } from './subtask-states.ts';

/** What makes a subtask change its state. */
export type SubtaskTrigger =
  | 'claim' // its node claimed it
  | 'release' // its holder handed it back, or its node was declared dead
  | 'succeed'
  | 'fail'
  | 'cancel' // its task is being undone
  | 'pause'
  | 'resume'
  | 'retry' // a person wants a failed one tried again
  | 'skip';

export interface SubtaskTransition {
  readonly from: SubtaskState;
  readonly on: SubtaskTrigger;
  readonly to: SubtaskState;
  /** `holder`: only the holder, named by node and attempt. `framework`: there is no live holder. */
  readonly by: 'holder' | 'framework' | 'user';
}

/** The subtask machine as data. A running row becomes terminal only by its holder's word, or when its node has been fenced. */
export const SUBTASK_TRANSITIONS: readonly SubtaskTransition[] = [
  { from: 'pending', on: 'claim', to: 'running', by: 'holder' },
  { from: 'running', on: 'succeed', to: 'succeed', by: 'holder' },
  { from: 'running', on: 'fail', to: 'failed', by: 'holder' },
  { from: 'running', on: 'cancel', to: 'canceled', by: 'holder' },
  { from: 'running', on: 'release', to: 'pending', by: 'holder' },
  { from: 'running', on: 'pause', to: 'paused', by: 'holder' },
  { from: 'running', on: 'release', to: 'pending', by: 'framework' },
  { from: 'running', on: 'fail', to: 'failed', by: 'framework' },
  { from: 'pending', on: 'cancel', to: 'canceled', by: 'framework' },
  { from: 'paused', on: 'cancel', to: 'canceled', by: 'framework' },
  { from: 'paused', on: 'resume', to: 'pending', by: 'framework' },
  { from: 'failed', on: 'pause', to: 'paused', by: 'framework' },
  { from: 'failed', on: 'cancel', to: 'canceled', by: 'framework' },
  { from: 'failed', on: 'retry', to: 'pending', by: 'user' },
  { from: 'failed', on: 'skip', to: 'skipped', by: 'user' },
];

/** Whether the table has this transition. */
export function isSubtaskTransition(from: SubtaskState, on: SubtaskTrigger, to: SubtaskState): boolean {
  return SUBTASK_TRANSITIONS.some((row) => row.from === from && row.on === on && row.to === to);
}
