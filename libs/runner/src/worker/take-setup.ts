import type { RunnerSetup } from '../channel/messages.ts';

/**
 * Takes what the thread was started with, and leaves nothing of its connections where plugin code looks: `workerData` is the same object for
 * all code of a thread.
 *
 * @param data `workerData`; its connections are gone from it afterwards.
 */
export function takeSetup(data: RunnerSetup): RunnerSetup {
  const setup = { ...data };
  const shared: { connections?: unknown; gateConnections?: unknown } = data;
  delete shared.connections;
  delete shared.gateConnections;
  return setup;
}
