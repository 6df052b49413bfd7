import type { LongshoreClient, TaskHandle, TaskView } from '@longshore/client';

/** The number of the run of a task's key after this one. */
export function numberOfNext({ run = 1 }: TaskView): number {
  return run + 1;
}

/** The run after a task's of its key; null: there is none. */
export async function findNextRun(client: LongshoreClient, task: TaskView): Promise<TaskHandle | null> {
  for await (const run of client.runs(task.key)) {
    if (run.run === numberOfNext(task)) return client.task({ id: run.id });
    if (run.id === task.id) return null;
  }
  return null;
}
