import { isTerminalTaskState, TaskOutcome, TaskState, type TaskDetail, type TaskHandle } from '@longshore/client';
import { EXIT, type ExitCode } from '../exit-codes.ts';
import { hasSkipped } from '../output/skipped-text.ts';
import { pausedText } from '../output/task-choices.ts';

/** In milliseconds. A person wants to know of an outage, not of each failed poll. */
const REMARK_INTERVAL_MS = 10_000;

/** Where a followed task is shown. */
export interface FollowOptions {
  readonly signal: AbortSignal;
  /** Called for every snapshot, the last one included. */
  readonly onSnapshot: (detail: TaskDetail) => void;
  /**
   * Called when the cluster can't be reached, at most every 10 s, and when the task was paused. In both cases the wait continues
   * without progress.
   */
  readonly onRemark: (text: string) => void;
  /** The name that the CLI was called by, for commands in remarks. */
  readonly program: string;
}

/**
 * Follows a task to its end, or until it awaits resolution.
 *
 * @throws the signal's reason; {RemoteError} when the cluster refuses.
 */
export async function followTask(
  task: Pick<TaskHandle, 'watch'>,
  { signal, onSnapshot, onRemark, program }: FollowOptions,
): Promise<TaskDetail> {
  let saidAtMs = -Infinity;
  const onProblem = (problem: Error): void => {
    if (performance.now() - saidAtMs < REMARK_INTERVAL_MS) return;
    saidAtMs = performance.now();
    onRemark(`still trying: ${problem.message}; the task itself continues`);
  };
  let wasPaused = false;
  for await (const detail of task.watch({ signal, onProblem })) {
    onSnapshot(detail);
    const isPaused = detail.task.state === TaskState.paused;
    if (isPaused && !wasPaused) onRemark(`still waiting: ${pausedText(detail.task, program)}`);
    wasPaused = isPaused;
    if (isSettled(detail)) return detail;
  }
  throw new TypeError('the watch ended without a terminal snapshot');
}

/** Whether nothing more happens without a person: the task has ended, or awaits resolution. */
function isSettled({ task }: TaskDetail): boolean {
  return isTerminalTaskState(task.state) || task.state === TaskState.awaitingResolution;
}

/** The exit code for a settled task. */
export function exitCodeOfTask({ task }: TaskDetail): ExitCode {
  if (task.state === TaskState.awaitingResolution) return EXIT.awaitsResolution;
  switch (task.outcome) {
    case TaskOutcome.succeeded:
      return hasSkipped(task) ? EXIT.skipped : EXIT.ok;
    case TaskOutcome.canceled:
      return EXIT.canceled;
    case TaskOutcome.failed:
    case null:
      return EXIT.taskFailed;
  }
}
