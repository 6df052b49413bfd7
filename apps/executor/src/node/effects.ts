import type { Summary } from '@longshore/core';
import type { StopReason } from '@longshore/sdk';
import type { Settlement, SubtaskAttempt, TaskForRunner } from '@longshore/store';
import type { Claim } from '../claiming/claim.ts';
import type { Opening } from '../claiming/opening.ts';
import type { LaneResize } from '../running/task-change.ts';
import type { Lane } from '../running/lane.ts';
import type { EndedRun, Run } from '../running/run.ts';
import type { NodeEvent } from './events.ts';

/** What a node does, in the order in which `reduce` asks for it. What comes of an effect is another event. */
export type Effect =
  /** Answered by `claimed` or `claim-failed`. */
  | { readonly do: 'claim'; readonly claim: Claim }
  /** What was to be claimed is claimed. @property error null: nothing went wrong. */
  | { readonly do: 'claiming-over'; readonly claimed: number; readonly error: unknown }
  /** Answered by `task-read` or `not-opened`. */
  | { readonly do: 'read-task'; readonly taskId: string }
  /** Answered by `runner-taken` or `not-opened`. */
  | { readonly do: 'take-runner'; readonly task: TaskForRunner }
  /** Answered by `opening-slow` after a while, whether it is over by then or not. */
  | { readonly do: 'await-opening'; readonly taskId: string; readonly opening: Opening }
  /** Looks whether the runner of a task that has nothing here now may be another's. Answered by `runner-checked`. */
  | { readonly do: 'check-runner'; readonly taskId: string }
  /** The runner of a task that has nothing here any more is another task's from now on. */
  | { readonly do: 'move-runner'; readonly from: string; readonly task: TaskForRunner }
  | { readonly do: 'give-back-runner'; readonly task: TaskForRunner }
  | { readonly do: 'end-runner'; readonly taskId: string }
  /** Starts a run in a process of its own. Answered by `ended` when that can't be started. */
  | { readonly do: 'start-alone'; readonly run: Run; readonly task: TaskForRunner }
  /** Ends the process of a run that is alone in it. */
  | { readonly do: 'end-alone'; readonly run: Run }
  /** Answered by `control-ready` or `control-failed`. */
  | { readonly do: 'prepare-control'; readonly run: Run; readonly task: TaskForRunner }
  | { readonly do: 'start-control'; readonly run: Run; readonly task: TaskForRunner }
  /** Starts what is in a lane: one subtask, or a turn of them. */
  | { readonly do: 'start-lane'; readonly lane: Lane; readonly runs: readonly Run[]; readonly task: TaskForRunner }
  /** Answered by `took-back`. */
  | { readonly do: 'take-back'; readonly lane: Lane }
  /** Asks a hook to stop. Followed by `grace-over` when its time is over. */
  | { readonly do: 'abort'; readonly run: Run; readonly reason: StopReason }
  | { readonly do: 'settle'; readonly settlements: readonly Settlement[] }
  /** Runs came to their ends: for spans and metrics. */
  | { readonly do: 'tell-ends'; readonly task: TaskForRunner; readonly ended: readonly EndedRun[]; readonly at: number }
  /** Runs have counted on: for metrics. */
  | { readonly do: 'tell-counts'; readonly type: string; readonly runs: readonly Run[] }
  | { readonly do: 'tell-handed-back'; readonly task: TaskForRunner | null; readonly runs: readonly Run[] }
  /** Tells the watchers of a task that there is news. */
  | {
      readonly do: 'announce';
      readonly taskId: string;
      readonly what: 'progress' | 'state';
      /** What its subtasks that run here count together. */
      readonly summary?: Summary;
    }
  | { readonly do: 'wake-owner' }
  | { readonly do: 'wake-node'; readonly nodeId: string; readonly taskId: string }
  /** Looks for work: now, or a little later when nothing asks for it at once. `states`: at what tasks want, with the next look. */
  | { readonly do: 'look'; readonly when: 'now' | 'later' | 'states' }
  | { readonly do: 'save-progress'; readonly runs: readonly Run[] }
  /** Answered by `change-read`. */
  | { readonly do: 'read-change'; readonly taskId: string }
  /** Answered by `task-told`. @property isNewMeta whether hooks are to take over another meta. */
  | { readonly do: 'tell-task'; readonly fresh: TaskForRunner; readonly isNewMeta: boolean }
  /** Answered by `slots-told`. */
  | { readonly do: 'tell-slots'; readonly taskId: string; readonly resize: LaneResize }
  /** Answers a search: these of the found rows nobody here knows. */
  | {
      readonly do: 'free-unknown';
      readonly unknown: readonly SubtaskAttempt[];
      readonly answer: (unknown: readonly SubtaskAttempt[]) => void;
    }
  /** Nothing runs here any more. */
  | { readonly do: 'idle' }
  | {
      readonly do: 'log';
      readonly level: 'warn' | 'error';
      readonly message: string;
      readonly fields: Readonly<Record<string, unknown>>;
    }
  /** Comes back as an event, after what the effects before it have brought. */
  | { readonly do: 'again'; readonly event: NodeEvent };
