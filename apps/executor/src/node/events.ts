import type { CrashRecord, ErrorData, SubtaskKind } from '@longshore/core';
import type { RunEnd, RunProgress } from '@longshore/runner';
import type { StopReason } from '@longshore/sdk';
import type {
  ClaimedSubtask,
  NodeIdentity,
  PlannedPage,
  RunningTaskState,
  Settlement,
  SubtaskAttempt,
  TaskForRunner,
} from '@longshore/store';
import type { Candidates } from '../claiming/candidates.ts';
import type { Claim } from '../claiming/claim.ts';
import type { Opening } from '../claiming/opening.ts';
import type { ClaimableTask } from '../claiming/claimable-task.ts';
import type { ThrottleReason } from '../hosting/task-throttle.ts';
import type { LaneResize } from '../running/task-change.ts';
import type { Lane } from '../running/lane.ts';
import type { Run } from '../running/run.ts';
import type { StepStart } from '../settling/settlement-queue.ts';

/** The end of a run, with what deciding over it needs from outside. */
export interface RunEnding extends RunEnd {
  /** For a plan: the rows that are still to be written with its end; null: none. */
  readonly planned: PlannedPage | null;
  /** A number in [0, 1), for the wait before another try. */
  readonly chance: number;
}

/** Which of the running subtasks are meant. */
export type WhichRuns = 'all' | 'idempotent' | 'non-idempotent';

/**
 * What happens to a node. `at` is the time by the monotonic clock, in milliseconds. Random numbers and the time come with the events, so
 * that the same events have the same effects.
 */
export type NodeEvent =
  // Claiming.
  | { readonly kind: 'hinted'; readonly taskIds: readonly string[] }
  /** The tasks that messages named are to be claimed for. */
  | { readonly kind: 'claim-hinted'; readonly at: number }
  /** All that could be claimed is known. */
  | {
      readonly kind: 'work-read';
      readonly tasks: readonly ClaimableTask[];
      readonly controls: readonly { readonly id: string; readonly kind: SubtaskKind }[];
      readonly at: number;
    }
  | {
      readonly kind: 'claimed';
      readonly claim: Claim;
      readonly rows: readonly ClaimedSubtask[];
      /** Who has claimed them. */
      readonly identity: NodeIdentity;
      readonly at: number;
    }
  | { readonly kind: 'claim-failed'; readonly claim: Claim; readonly error: unknown }
  // Opening a task.
  /** @property task null: it has left for history. */
  | { readonly kind: 'task-read'; readonly taskId: string; readonly task: TaskForRunner | null; readonly at: number }
  /** `runnerSlots`: the slots whose memory the runner has. */
  | {
      readonly kind: 'runner-taken';
      readonly task: TaskForRunner;
      readonly runnerSlots: number;
      readonly at: number;
    }
  | { readonly kind: 'not-opened'; readonly taskId: string; readonly error: ErrorData; readonly at: number }
  | {
      readonly kind: 'control-ready';
      readonly run: Run;
      readonly candidates: Candidates | null;
      readonly at: number;
    }
  | { readonly kind: 'control-failed'; readonly run: Run; readonly error: ErrorData }
  // Running.
  | {
      readonly kind: 'ended';
      readonly taskId: string;
      readonly ends: readonly RunEnding[];
      /** Hooks of the task's type. */
      readonly hooks: readonly string[];
      /** Whether a plan's end may claim of its step. */
      readonly mayClaim: boolean;
      readonly at: number;
    }
  | {
      readonly kind: 'progressed';
      readonly taskId: string;
      readonly runs: readonly RunProgress[];
      readonly at: number;
    }
  /** @property reason why it waits for its budget or its gates; null: it goes on. */
  | {
      readonly kind: 'throttled';
      readonly taskId: string;
      readonly runId: string;
      readonly reason: ThrottleReason | null;
      readonly at: number;
    }
  /** A task's runner has not come for a while. */
  | { readonly kind: 'opening-slow'; readonly taskId: string; readonly opening: Opening; readonly at: number }
  /** It shows that it goes on. */
  | { readonly kind: 'alive'; readonly run: Run; readonly at: number }
  /** @property crashes what it is suspected of from now on. */
  | { readonly kind: 'checkpointed'; readonly run: Run; readonly crashes: CrashRecord | null; readonly at: number }
  | { readonly kind: 'attempt-raised'; readonly run: Run; readonly attempt: number }
  /** What a lane's turn had not begun was taken back. */
  | { readonly kind: 'took-back'; readonly lane: Lane; readonly ids: readonly string[] }
  /** A turn takes longer than was expected. */
  | { readonly kind: 'turn-overdue'; readonly lane: Lane; readonly at: number }
  | { readonly kind: 'start-claimed'; readonly taskId: string; readonly at: number }
  | { readonly kind: 'runner-lost'; readonly taskId: string }
  /** Nothing runs in a task's runner, and it is known whether it may be another task's. */
  | { readonly kind: 'runner-checked'; readonly taskId: string; readonly isReusable: boolean }
  // Stopping.
  | { readonly kind: 'abort'; readonly run: Run; readonly reason: StopReason }
  /** What of a task has not started goes back. */
  | { readonly kind: 'hand-back'; readonly taskId: string; readonly reason: string }
  /** Everything that is here is to end, or a part of it. What has not started goes back. */
  | { readonly kind: 'abort-all'; readonly reason: StopReason; readonly which: WhichRuns }
  /** The node's lease was renewed. @property endsAt by the monotonic clock, in milliseconds. */
  | { readonly kind: 'lease-renewed'; readonly endsAt: number }
  /** The lease could not be renewed, and what may not overlap had its time. */
  | { readonly kind: 'lease-spent' }
  /** A run that was asked to stop had its time. */
  | { readonly kind: 'grace-over'; readonly run: Run }
  | { readonly kind: 'stopping' }
  // The store's word.
  | {
      readonly kind: 'written';
      readonly written: readonly Settlement[];
      readonly lost: readonly Settlement[];
      readonly start: StepStart;
      readonly identity: NodeIdentity;
      readonly at: number;
    }
  | {
      readonly kind: 'states-read';
      /** Tasks that were asked for; others have come meanwhile. */
      readonly asked: ReadonlySet<string>;
      /** What is missing here has left for history. */
      readonly states: ReadonlyMap<string, RunningTaskState>;
      readonly at: number;
    }
  | { readonly kind: 'progress-due' }
  | { readonly kind: 'progress-saved'; readonly runs: readonly Run[]; readonly lost: ReadonlySet<string> }
  | {
      readonly kind: 'unknown-found';
      readonly found: readonly SubtaskAttempt[];
      readonly answer: (unknown: readonly SubtaskAttempt[]) => void;
    }
  // A change of a task.
  | { readonly kind: 'change-read'; readonly taskId: string; readonly fresh: TaskForRunner | null }
  | { readonly kind: 'task-told'; readonly taskId: string; readonly error: unknown; readonly at: number }
  | {
      readonly kind: 'slots-told';
      readonly taskId: string;
      readonly resize: LaneResize;
      readonly isConformed: boolean;
      readonly error: unknown;
      readonly at: number;
    };
