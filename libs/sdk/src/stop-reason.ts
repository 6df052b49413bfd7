import { brand, hasBrand } from './brand.ts';

/** Why a hook is asked to stop. The hook only has to end soon; the framework does what follows for its subtask. */
export const StopReason = {
  /** The task is being undone. */
  cancel: 'cancel',
  pause: 'pause',
  /** A higher-ranked task takes the slots. */
  preempt: 'preempt',
  /** The task has left this node. */
  move: 'move',
  /** The executor is being stopped. */
  shutdown: 'shutdown',
  /** The executor could not renew its lease: another node may run this now. */
  lostLease: 'lost-lease',
  timeout: 'timeout',
} as const;
export type StopReason = (typeof StopReason)[keyof typeof StopReason];

/** The `reason` of a hook's `signal`: what is thrown by everything that takes the signal. */
export class SubtaskStopped extends Error {
  override readonly name = 'SubtaskStopped';
  readonly reason: StopReason;

  static {
    brand(this, 'subtask-stopped');
  }

  /** Whether this is one, also of another copy of this package. */
  static is(reason: unknown): reason is SubtaskStopped {
    return hasBrand(reason, 'subtask-stopped');
  }

  constructor(reason: StopReason) {
    super(`the subtask was stopped: ${reason}`);
    this.reason = reason;
  }
}

/** The typed reason of an aborted signal; null while it isn't aborted, or when somebody else's code aborted it. */
export function stopReason(signal: AbortSignal): StopReason | null {
  return signal.aborted && SubtaskStopped.is(signal.reason) ? signal.reason.reason : null;
}
