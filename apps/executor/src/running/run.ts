import { runsAlone, type CrashRecord, type ErrorData, type Summary } from '@longshore/core';
import type { Amounts, RunEnd, RunProgress } from '@longshore/runner';
import type { StopReason } from '@longshore/sdk';
import type { ClaimedSubtask, NodeIdentity, Settlement } from '@longshore/store';
import type { Candidates } from '../claiming/candidates.ts';
import type { Claim } from '../claiming/claim.ts';
import type { Lane } from './lane.ts';
import type { RunState } from './run-states.ts';
import type { PlaceLease } from './slot-ledger.ts';

/** One attempt of a subtask on this node, from its claim until its end is written. */
export interface Run {
  readonly claimed: ClaimedSubtask;
  /** The registration that claimed it. */
  readonly identity: NodeIdentity;
  /** Moved by `Runs` alone. */
  state: RunState;
  /** The claim's attempt, unless it was raised past a target's ledger. */
  attempt: number;
  /** Whether it runs in a process of its own. */
  readonly isAlone: boolean;
  /** What it is suspected of; null: nothing. */
  crashes: CrashRecord | null;
  /** Why it was asked to stop, once it was. */
  stopping: StopReason | null;
  /** What it ends with when it was stopped for its time. */
  overdue: ErrorData | null;
  rows: number;
  bytes: number;
  /** What another attempt would go on from, as its runner said last; null: it has not said so. */
  kept: Amounts | null;
  /** What its hook said last that it is doing. */
  phase: RunProgress['phase'];
  /** What its attempt has counted, as its type said last. */
  summary: Summary;
  /** What its hook said last that it waits for. */
  waiting: RunProgress['waiting'];
  /** Whether it has nothing to tell for a while, as it should: it rests between two calls. */
  isResting: boolean;
  /** For a control subtask: whether it has made no progress for so long that it is shown to wait. */
  isSilent: boolean;
  /** Why its budget or gates keep it waiting, and since when by the monotonic clock; null: they don't. */
  throttled: { readonly code: string; readonly message: string; readonly since: number } | null;
  /** Nodes that its task could use, for a plan or a placement of a type that says which of them a step runs on. */
  candidates: Candidates | null;
  /** Where it runs; null: it is a control subtask, or has not started. */
  lane: Lane | null;
  /** The place of a control subtask, as long as it is not over. */
  place: PlaceLease | null;
  /** For a control subtask: whether its runner is there, so that it can start. */
  isReady: boolean;
  /** The claim that travels with its end. */
  claim: Claim | null;
  /** When it was handed to its runner, by the monotonic clock. */
  startedAt: number;
  /** When it gave a sign of progress last, by the monotonic clock. */
  aliveAt: number;
}

/** A run of a row that a claim has brought. */
export function newRun(claimed: ClaimedSubtask, identity: NodeIdentity): Run {
  return {
    claimed,
    identity,
    state: 'claiming',
    attempt: claimed.attempt,
    isAlone: runsAlone(claimed.crashes),
    crashes: claimed.crashes,
    stopping: null,
    overdue: null,
    // It goes on from there; its runner says so with its first report.
    rows: claimed.kept?.rows ?? 0,
    bytes: claimed.kept?.bytes ?? 0,
    kept: null,
    phase: null,
    summary: {},
    waiting: null,
    isResting: false,
    isSilent: false,
    throttled: null,
    candidates: null,
    lane: null,
    place: null,
    isReady: false,
    claim: null,
    startedAt: 0,
    aliveAt: 0,
  };
}

/** A run that has come to its end. */
export interface EndedRun {
  readonly run: Run;
  /** What is written for it; null: nothing, somebody else has it. */
  readonly settlement: Settlement | null;
  readonly time: RunEnd['time'];
}
