import { LongshoreError } from '@longshore/core';

/** What a row that this node has claimed, or is about to, can be here. */
export const RUN_STATES = ['claiming', 'claimed', 'queued', 'running', 'ended', 'settled'] as const;
export type RunState = (typeof RUN_STATES)[number];

/**
 * From which state a run may get to which:
 * - `claiming`: its claim is answered, and nothing of this node has taken it over yet.
 * - `claimed`: it waits for slots or for its runner. It has not begun.
 * - `queued`: handed to its runner in a turn. Whether it has begun only shared memory knows, so it may be taken back.
 * - `running`: it has begun.
 * - `ended`: it is over, and its end is on its way to the store.
 * - `settled`: its end is written, or somebody else has the row. The node has it no longer.
 */
export const RUN_TRANSITIONS: Readonly<Record<RunState, readonly RunState[]>> = {
  claiming: ['claimed'],
  claimed: ['queued', 'running', 'ended'],
  queued: ['claimed', 'running', 'ended'],
  running: ['ended'],
  ended: ['settled'],
  settled: [],
};

/** What a transition needs of a run. */
export interface Moving {
  state: RunState;
  readonly claimed: { readonly id: string };
}

/** Moves a run on. @throws {LongshoreError} INTERNAL when the table has no such transition. */
export function moveRun(run: Moving, to: RunState): void {
  if (!RUN_TRANSITIONS[run.state].includes(to)) {
    throw new LongshoreError('INTERNAL', `subtask ${run.claimed.id} is ${run.state} here, so it can't become ${to}`);
  }
  run.state = to;
}
