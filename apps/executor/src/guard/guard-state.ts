import type { NodeIdentity } from '@longshore/store';

/** All that the guard knows of its executor. Sent whole with each change, so that nothing depends on what was sent before. */
export interface GuardState {
  /** The node's registration; null: it is not registered yet. */
  readonly node: NodeIdentity | null;
  /** Whether the node hands its work back: its end is no crash then. */
  readonly isLeaving: boolean;
  /** When the lease ends that was renewed last, by {@link monotonicMs}. */
  readonly leaseEndsAt: number;
  /** So long after that the executor is ended, in milliseconds, if something is held. */
  readonly killMs: number;
  /** Subtasks that run there and may not overlap with others of their kind. */
  readonly held: number;
  /** Processes of its runners, by their ids. They must not outlive it. */
  readonly processes: readonly number[];
}

export const NEW_STATE: GuardState = {
  node: null,
  isLeaving: false,
  leaseEndsAt: Number.POSITIVE_INFINITY,
  killMs: 0,
  held: 0,
  processes: [],
};

/** What the guard is told: first once how to reach the store, then states. JSON has no infinity, so channels clone. */
export type GuardMessage =
  | { readonly kind: 'store'; readonly databaseUrl: string; readonly executorPid: number }
  | { readonly kind: 'state'; readonly state: GuardState };

/** Milliseconds by the machine's monotonic clock, which is the same for all of its processes. */
export function monotonicMs(): number {
  return Number(process.hrtime.bigint() / 1_000n) / 1_000;
}

/** When the executor is to be ended; null: never, as things are. */
export function killAt({ held, leaseEndsAt, killMs }: GuardState): number | null {
  return held > 0 && Number.isFinite(leaseEndsAt) ? leaseEndsAt + killMs : null;
}

/**
 * Whether the end of the executor's process was a crash that says something of what ran there: it was at work, and had its lease. One that
 * drained, was ended by its guard, stood still until its lease was over, or never registered, was none.
 *
 * @param at when it ended, by {@link monotonicMs}.
 */
export function isCrash({ node, isLeaving, leaseEndsAt }: GuardState, at: number): boolean {
  return node !== null && !isLeaving && at < leaseEndsAt;
}
