import { TaskState, type EventView, type TaskDetail, type TaskHandle } from '@longshore/client';

/**
 * Hooks that were skipped while a task was undone, in the words of its events: after a forced cancel, or when a person skipped a
 * failed revert. Empty: it was undone.
 *
 * @throws {LongshoreError} BUS_UNAVAILABLE, BUS_TIMEOUT.
 */
export async function readSkippedHooks(
  task: Pick<TaskHandle, 'events'>,
  { task: { state } }: TaskDetail,
): Promise<readonly string[]> {
  if (state !== TaskState.reverted) return [];
  const skipped: string[] = [];
  for await (const event of task.events()) {
    const text = skippedBy(event);
    if (text !== null) skipped.push(text);
  }
  return skipped;
}

function skippedBy({ kind, to, message }: EventView): string | null {
  if (kind === 'hook-skipped') return message ?? 'a hook was skipped';
  return kind === 'skip' && to === TaskState.reverted ? 'its revert hook failed and was skipped on request' : null;
}
