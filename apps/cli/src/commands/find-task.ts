import type { LongshoreClient, TaskHandle } from '@longshore/client';

/** The help text for the task argument of each command. */
export const TASK_ARGUMENT = 'id of the task, or its key (key:NAME for a key that looks like an id)';

const KEY_PREFIX = 'key:';

/**
 * The task that a command names: digits are an id, everything else is a key.
 *
 * @throws {RemoteError} TASK_NOT_FOUND.
 */
export function findTask(client: LongshoreClient, name: string): Promise<TaskHandle> {
  if (name.startsWith(KEY_PREFIX)) return client.task({ key: name.slice(KEY_PREFIX.length) });
  return client.task(/^[1-9]\d{0,18}$/.test(name) ? { id: name } : { key: name });
}
