import type { ErrorData } from '@longshore/core';
import { errorOfData } from '../channel/error-of-data.ts';
import { LINE_RATE, LogLimit } from '../channel/log-limit.ts';
import type { HostCall, LogLine, MessageFromRunner, RunConnections } from '../channel/messages.ts';
import type { RunnerPort } from '../worker/runner-port.ts';

/** A hook's way to the executor: calls that are answered, and messages that aren't. */
export interface Host {
  send(message: MessageFromRunner): void;
  /** Sends a line, as far as the rate of this thread allows. */
  log(line: LogLine): void;
  /** How many lines were left out since this was asked last. */
  takeDroppedLines(): number;
  /** @throws {TaskTypeError} with the code that the executor answered with. */
  call(runId: string, call: HostCall): Promise<unknown>;
  /** Says which connections the type declares for a run's task, and answers what the run gets. @throws {TaskTypeError} as {@link call}. */
  declare(runId: string, names: readonly string[]): Promise<RunConnections>;
  /** Hands in the answer to a call. */
  answer(callId: number, value: unknown, error: ErrorData | undefined): void;
}

export function connectHost(port: Pick<RunnerPort, 'post'>): Host {
  const waiting = new Map<number, { resolve: (value: unknown) => void; reject: (error: unknown) => void }>();
  let lastCall = 0;
  const send = (message: MessageFromRunner): void => port.post(message);
  const lines = new LogLimit(LINE_RATE);
  const ask = (question: (callId: number) => MessageFromRunner): Promise<unknown> =>
    new Promise((resolve, reject) => {
      const callId = ++lastCall;
      // Throws when the call can't be cloned; nobody will answer it then.
      send(question(callId));
      waiting.set(callId, { resolve, reject });
    });
  return {
    send,
    log: (line) => {
      if (lines.take()) send({ kind: 'log', ...line });
    },
    takeDroppedLines: () => lines.takeDropped(),
    call: (runId, call) => ask((callId) => ({ kind: 'call', callId, runId, call })),
    declare: async (runId, names) =>
      (await ask((callId) => ({ kind: 'declare', callId, runId, names }))) as RunConnections,
    answer: (callId, value, error) => {
      const call = waiting.get(callId);
      waiting.delete(callId);
      if (error === undefined) call?.resolve(value);
      else call?.reject(errorOfData(error));
    },
  };
}
