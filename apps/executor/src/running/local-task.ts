import type { TaskForRunner } from '@longshore/store';
import { ClaimAhead } from '../claiming/claim-ahead.ts';
import type { TaskChange } from './task-change.ts';

/** A task that this node has a runner for. What of it is claimed and runs is in `Runs`. */
export interface LocalTask {
  /** As it was read last. */
  task: TaskForRunner;
  /** As what runs here was told last. */
  told: TaskForRunner;
  /** Whether `prepare` ran here: until what it asked for is part of `task`, this is as the task was before. */
  awaitsPrepared: boolean;
  /** The slots whose memory its runner has: those of the task that it was started for, or more. */
  runnerSlots: number;
  /** Whether its runner has not ended. */
  isAlive: boolean;
  /** Whether its runner may be another task's after it: false from the end of a run until the runner was looked at. */
  isReusable: boolean;
  /** Whether the runner was asked since that end whether it is as it was. */
  isBeingChecked: boolean;
  readonly ahead: ClaimAhead;
  /** When it last ran something, by the monotonic clock. */
  idleSince: number;
  /** Whether the last subtask that was claimed may be claimed ahead: non-idempotent ones never are. */
  mayClaimAhead: boolean;
  /** Whether its task has slots on other nodes and none here. */
  hasLeft: boolean;
  /** Whether it is undone by force: hooks that hang are left out. */
  isForced: boolean;
  /** Whether the last claim got all that it asked for, so that there may be more. */
  mayHaveMore: boolean;
  /** A change that what runs here is being told of; null: none. */
  changing: TaskChange | null;
}

export function newLocalTask(task: TaskForRunner, runnerSlots: number, at: number): LocalTask {
  return {
    task,
    told: task,
    awaitsPrepared: false,
    runnerSlots,
    isAlive: true,
    isReusable: true,
    isBeingChecked: false,
    ahead: new ClaimAhead(),
    idleSince: at,
    mayClaimAhead: false,
    hasLeft: false,
    isForced: false,
    mayHaveMore: true,
    changing: null,
  };
}

/** Whether work needs the task to be read anew: another node may have planned it since `prepare` ran here. */
export function isOutdated({ awaitsPrepared, task }: LocalTask): boolean {
  return awaitsPrepared && !task.isPrepared;
}
