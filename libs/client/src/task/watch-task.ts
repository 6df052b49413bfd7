import { hasCode, isTerminalTaskState, type ErrorCode, type TaskId, orAborted } from '@longshore/core';
import { taskHint, type TaskView } from '@longshore/protocol';
import type { WatchOptions } from '../connection/client-options.ts';
import type { Connection } from '../connection/connection.ts';
import { Wakeup } from './wakeup.ts';

const DEFAULT_POLL_INTERVAL_MS = 2_000;
/**
 * The least time between two looks for progress: a task of quick subtasks gives hundreds of hints a second, and two snapshots a
 * second are as many as a person can read and an owner should compute for each watcher. A change of state is looked at at once:
 * there are few, and whoever waits for the end waits for one.
 */
const MIN_LOOK_INTERVAL_MS = 500;
/** Errors that pass by themselves: the connection or the store comes back, and the watch continues. */
const PASSING: readonly ErrorCode[] = ['BUS_UNAVAILABLE', 'BUS_TIMEOUT', 'STORE_UNAVAILABLE'];

/**
 * Snapshots of a task: one at once, then one whenever it changed, the last one when it has ended.
 *
 * It subscribes before its first look, so that no change falls between the two; hints only say when to look again, and a
 * slow poll finds what lost hints didn't say.
 *
 * @param read asks for a snapshot.
 */
export async function* watchTask<S extends { readonly task: TaskView }>(
  connection: Connection,
  id: TaskId,
  options: WatchOptions,
  read: () => Promise<S>,
): AsyncGenerator<S, void, undefined> {
  const signal = connection.endsWith(options.signal);
  const pollIntervalMs = Math.max(MIN_LOOK_INTERVAL_MS, options.pollIntervalMs ?? DEFAULT_POLL_INTERVAL_MS);
  const wakeup = new Wakeup();
  const stateChange = new Wakeup();
  const hints = connection.bus.subscribe(connection.bus.subjects.taskEvents(id), taskHint, ({ kind }) => {
    wakeup.wake();
    if (kind === 'state') stateChange.wake();
  });
  const stopReconnects = connection.onReconnect(wakeup.wake);
  let seen: string | undefined;
  try {
    while (true) {
      signal.throwIfAborted();
      wakeup.reset();
      stateChange.reset();
      const lookedAtMs = performance.now();
      const snapshot = await orAborted(look(read, options), signal);
      if (snapshot !== null) {
        const text = JSON.stringify(snapshot);
        if (text !== seen) yield snapshot;
        if (isTerminalTaskState(snapshot.task.state)) return;
        seen = text;
      }
      await stateChange.wait(MIN_LOOK_INTERVAL_MS - (performance.now() - lookedAtMs), signal);
      await wakeup.wait(pollIntervalMs - (performance.now() - lookedAtMs), signal);
    }
  } finally {
    hints.close();
    stopReconnects();
  }
}

/** One snapshot; null when the cluster could not be reached just now. */
async function look<S>(read: () => Promise<S>, options: WatchOptions): Promise<S | null> {
  try {
    return await read();
  } catch (thrown) {
    if (!PASSING.some((code) => hasCode(thrown, code))) throw thrown;
    options.onProblem?.(thrown as Error);
    return null;
  }
}
