import type { ErrorData, Summary } from '@longshore/core';
import type { RunEnd, RunProgress } from '@longshore/runner';
import type { StopReason } from '@longshore/sdk';
import type { ClaimedSubtask, NodeIdentity, Settlement } from '@longshore/store';
import type { Candidates } from '../claiming/candidates.ts';
import type { Lane } from './lane.ts';
import type { PlanWriter } from '../hosting/plan-writer.ts';

/** A claimed subtask that runs here. */
export interface Run {
  readonly claimed: ClaimedSubtask;
  readonly identity: NodeIdentity;
  /** The claim's attempt, unless it was raised past a target's ledger. */
  attempt: number;
  /** Why it was asked to stop, once it was. */
  stopping: StopReason | null;
  /** What it ends with when it was stopped for its time. */
  overdue: ErrorData | null;
  rows: number;
  bytes: number;
  /** What its hook said last that it is doing. */
  phase: RunProgress['phase'];
  /** What its attempt has counted, as its type said last. */
  summary: Summary;
  /** What its hook said last that it waits for. */
  waiting: RunProgress['waiting'];
  /** Why its budget or gates keep it waiting, and since when by the monotonic clock; null: they don't. */
  held: { readonly code: string; readonly message: string; readonly since: number } | null;
  readonly plan: PlanWriter | null;
  /** Nodes that its task could use, for a plan or a placement of a type that says which of them a step runs on. */
  readonly candidates: Candidates | null;
  /** Where it runs; null for control subtasks, which take no slots. */
  readonly lane: Lane | null;
  /** When it was handed to its runner, by the monotonic clock. */
  readonly startedAt: number;
  /** When it gave a sign of progress last, by the monotonic clock. */
  aliveAt: number;
}

/** A run that has come to its end. */
export interface EndedRun {
  readonly run: Run;
  /** What is written for it; null: nothing, somebody else has it. */
  readonly settlement: Settlement | null;
  readonly time: RunEnd['time'];
}
