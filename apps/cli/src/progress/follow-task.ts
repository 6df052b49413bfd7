import { isTerminalTaskState, TaskOutcome, TaskState, type TaskDetail, type TaskHandle } from '@longshore/client';
import { EXIT, type ExitCode } from '../exit-codes.ts';
import { pausedText } from '../output/task-choices.ts';

/** One lost look is noise; a person wants to know of an outage, not of each poll in it. */
const REMARK_INTERVAL_MS = 10_000;

/** Where a followed task is shown. */
export interface FollowOptions {
  readonly signal: AbortSignal;
  /** Called for every snapshot, the last one included. */
  readonly onSnapshot: (detail: TaskDetail) => void;
  /**
   * Called when the cluster can't be reached, not more often than a person wants to read it, and when the task was paused: both
   * keep it from going on without ending the wait.
   */
  readonly onRemark: (text: string) => void;
}

/**
 * Follows a task to its end, or to the moment when it holds its failure and waits for a person.
 *
 * @throws the signal's reason; {RemoteError} what the cluster refuses with.
 */
export async function followTask(
  task: Pick<TaskHandle, 'watch'>,
  { signal, onSnapshot, onRemark }: FollowOptions,
): Promise<TaskDetail> {
  let saidAtMs = -Infinity;
  const onProblem = (problem: Error): void => {
    if (performance.now() - saidAtMs < REMARK_INTERVAL_MS) return;
    saidAtMs = performance.now();
    onRemark(`still trying: ${problem.message}; the task itself goes on`);
  };
  let wasPaused = false;
  for await (const detail of task.watch({ signal, onProblem })) {
    onSnapshot(detail);
    const isPaused = detail.task.state === TaskState.paused;
    if (isPaused && !wasPaused) onRemark(`still waiting: ${pausedText(detail.task)}`);
    wasPaused = isPaused;
    if (isSettled(detail)) return detail;
  }
  throw new TypeError('a watch ends with a terminal snapshot');
}

/** Whether nothing more happens without a person: it has ended, or it holds its failure. */
function isSettled({ task }: TaskDetail): boolean {
  return isTerminalTaskState(task.state) || task.state === TaskState.awaitingResolution;
}

/** The exit code that says what a settled task came to. */
export function exitCodeOfTask({ task }: TaskDetail): ExitCode {
  if (task.state === TaskState.awaitingResolution) return EXIT.held;
  switch (task.outcome) {
    case TaskOutcome.succeeded:
      return EXIT.ok;
    case TaskOutcome.canceled:
      return EXIT.canceled;
    case TaskOutcome.failed:
    case null:
      return EXIT.taskFailed;
  }
}
