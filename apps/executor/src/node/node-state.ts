import type { Ranked } from '@longshore/core';
import type { SubtaskAttempt } from '@longshore/store';
import type { Claim } from '../claiming/claim.ts';
import type { Opening } from '../claiming/opening.ts';
import type { Planning } from '../claiming/planning.ts';
import type { LocalTask } from '../running/local-task.ts';
import type { Run } from '../running/run.ts';
import { Runs } from '../running/runs.ts';
import type { SlotLedger } from '../running/slot-ledger.ts';

/** Slots that were freed for a task, or will be, until it has taken them. */
export interface Promised {
  readonly rank: Ranked;
  readonly slots: number;
}

/** Rows that the store shows as this node's and that the node did not know when it was asked. */
export interface UnknownSearch {
  readonly found: readonly SubtaskAttempt[];
  /** Claims that can have brought them. */
  readonly waitsFor: Set<Claim>;
  /** Hands in which of them are still unknown. */
  readonly answer: (unknown: readonly SubtaskAttempt[]) => void;
}

/** All that an executor knows and decides by. `reduce` alone changes it. */
export interface NodeState {
  readonly slots: SlotLedger;
  readonly runs: Runs;
  /** Tasks that have a runner here, by id. */
  readonly tasks: Map<string, LocalTask>;
  /** Tasks whose runner is on its way. */
  readonly opening: Map<string, Opening>;
  /** Claims that are under way. */
  readonly claims: Set<Claim>;
  /** What the loop is about to claim; null: nothing. */
  planning: Planning | null;
  /** Tasks that a message named: claimed for without looking for them first. */
  readonly hinted: Set<string>;
  /** Slots kept for subtasks that are to be claimed, by task: made anew whenever all tasks are looked at. */
  promised: Map<string, Promised>;
  /** Slots kept for running subtasks that are to get more, by task. */
  readonly growing: Map<string, Promised>;
  /** Runs whose progress is not stored yet. */
  readonly progressed: Set<Run>;
  readonly searches: Set<UnknownSearch>;
  /** How long a hook may go on without progress, in milliseconds. */
  readonly hookStallMs: number;
  /** When its lease ends that it renewed last, by the monotonic clock, in milliseconds: nothing non-idempotent starts then. */
  leaseEndsAt: number;
  /** Whether this node takes nothing new any more. */
  isStopping: boolean;
}

/** Hooks may work for long; one that shows nothing for ten minutes hangs. */
const HOOK_STALL_MS = 600_000;

/** @param hookStallMs how long a hook may go on without progress, in milliseconds. Default 600,000. */
export function newNodeState(slots: SlotLedger, hookStallMs = HOOK_STALL_MS): NodeState {
  return {
    slots,
    runs: new Runs(),
    tasks: new Map(),
    opening: new Map(),
    claims: new Set(),
    planning: null,
    hinted: new Set(),
    promised: new Map(),
    growing: new Map(),
    progressed: new Set(),
    searches: new Set(),
    hookStallMs,
    leaseEndsAt: Number.POSITIVE_INFINITY,
    isStopping: false,
  };
}

/** Whether nothing of a task is here or on its way here, so that its runner may be given away. */
export function isIdle({ runs, slots, opening, planning }: NodeState, { task: { id }, changing }: LocalTask): boolean {
  const isAwaited = slots.isClaiming(id) || opening.has(id) || planning?.opening === id;
  return !runs.isBusy(id) && !isAwaited && changing === null;
}

/** Whether it is time to claim more of a task. */
export function wantsMore({ runs }: NodeState, { task, mayHaveMore, ahead }: LocalTask): boolean {
  return mayHaveMore && runs.claimedOf(task.id) <= ahead.least;
}
