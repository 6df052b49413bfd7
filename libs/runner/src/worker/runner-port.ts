import { isMainThread, parentPort, workerData, type MessagePort } from 'node:worker_threads';
import { LongshoreError, toErrorData } from '@longshore/core';
import type { MessageFromRunner, MessageToRunner, RunnerSetup } from '../channel/messages.ts';

/** A runner's way to its parent, whatever the runner lives in. */
export interface RunnerPort {
  readonly setup: RunnerSetup;
  /** Asks for this thread's memory, where the parent can't look itself. */
  readonly memoryPort?: MessagePort | undefined;
  /** @throws when the message can't be cloned. */
  post(message: MessageFromRunner): void;
  /** Hands in each message, to the latest one only. From then on the runner stays until it is ended. */
  onMessage(receive: (message: MessageToRunner) => void): void;
}

let opened: Promise<RunnerPort> | undefined;

/** The port of this thread or process. */
export function openPort(): Promise<RunnerPort> {
  opened ??= isMainThread ? openProcessPort() : Promise.resolve(openThreadPort());
  return opened;
}

function openThreadPort(): RunnerPort {
  const data = workerData as RunnerSetup & { readonly memoryPort?: MessagePort };
  let receive: ((message: MessageToRunner) => void) | null = null;
  return {
    setup: data,
    memoryPort: data.memoryPort,
    post: (message) => parentPort?.postMessage(message),
    onMessage: (next) => {
      if (receive === null) parentPort?.on('message', (message: MessageToRunner) => receive?.(message));
      receive = next;
    },
  };
}

/** Signals that reach all processes of a terminal or a service at once. The executor decides what they mean for its runners. */
const SIGNALS_OF_GROUPS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const;

async function openProcessPort(): Promise<RunnerPort> {
  if (process.send === undefined) throw new LongshoreError('INTERNAL', 'the runner is started by an executor only');
  for (const signal of SIGNALS_OF_GROUPS) process.on(signal, () => undefined);
  // The executor is gone, and somebody else may have the work soon: no hook and no handler of plugin code may delay the end.
  process.once('disconnect', () => process.kill(process.pid, 'SIGKILL'));
  const post = (message: MessageFromRunner): void => {
    process.send?.(message, undefined, undefined, () => undefined);
  };
  // As in a thread: what is thrown where nobody waits ends the runner, and its parent gets to know what it was.
  process.on('uncaughtException', (thrown: unknown) => {
    const message = { kind: 'failed', message: toErrorData(thrown).message } satisfies MessageFromRunner;
    process.send?.(message, undefined, undefined, () => process.exit(1));
  });
  const first = Promise.withResolvers<RunnerSetup>();
  let receive = (message: unknown): void => first.resolve(message as RunnerSetup);
  // One listener from the start: while there is none, Node lets the process end.
  process.on('message', (message: unknown) => receive(message));
  return {
    setup: await first.promise,
    post,
    onMessage: (next) => (receive = (message) => next(message as MessageToRunner)),
  };
}
