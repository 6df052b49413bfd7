import { randomUUID } from 'node:crypto';
import { hasCode, LongshoreError, pause } from '@longshore/core';
import type { SubmitReply, SubmitRequest } from '@longshore/protocol';
import type { CallOptions } from '../connection/client-options.ts';
import type { Connection } from '../connection/connection.ts';
import { refuseLargeMeta } from './meta-size.ts';
import { traceSubmit } from './trace-submit.ts';

/** How to submit. */
export interface SubmitOptions extends CallOptions {
  /** Stops the retries: the call throws the signal's `reason`, and the task may exist by then. Default: none. */
  readonly signal?: AbortSignal | undefined;
}

/** With the default timeout this bridges about 20 s: a restart of the owner, not an outage. */
const MAX_TRIES = 4;
const PAUSE_BETWEEN_TRIES_MS = 500;

/**
 * Submits a task. A submit without an answer, or to an owner that is too busy, is sent again with the same id and key: however often it arrives, it starts one run at most.
 * That is why one without an id gets one here and not at the owner.
 *
 * @throws {LongshoreError} ROW_LOCKED when a transaction that is open has the key for longer than some 10 s; OVERLOADED when the owners stay too busy;
 * BUS_TIMEOUT, BUS_UNAVAILABLE.
 */
export async function submitTask(
  connection: Connection,
  request: SubmitRequest,
  options: SubmitOptions = {},
): Promise<SubmitReply> {
  return traceSubmit(
    request.type,
    () => send(connection, request, options),
    ({ task }) => task.id,
  );
}

async function send(connection: Connection, request: SubmitRequest, options: SubmitOptions): Promise<SubmitReply> {
  refuseLargeMeta(request);
  const signal = connection.endsWith(options.signal);
  const submitId = request.submitId ?? randomUUID();
  const key = request.key ?? submitId;
  let unanswered: unknown;
  for (let tries = 1; ; tries += 1) {
    try {
      const reply = await connection.request('task.submit', { ...request, key, submitId }, options);
      // An owner that knows no ids can't tell, but nobody else can have had this key: the task is this call's, whichever try made it.
      return request.key === undefined ? { ...reply, created: true } : reply;
    } catch (thrown) {
      // Not sent at all: nothing is known to be lost, and the caller learns at once that nobody is there.
      const mayHaveArrived =
        hasCode(thrown, 'BUS_TIMEOUT') || (unanswered !== undefined && hasCode(thrown, 'BUS_UNAVAILABLE'));
      // An open transaction has the key: it may be over in a moment.
      const isKeyLocked = hasCode(thrown, 'ROW_LOCKED');
      // Whoever is too busy has done nothing.
      const isBusy = hasCode(thrown, 'OVERLOADED');
      if (!mayHaveArrived && !isKeyLocked && !isBusy) throw thrown;
      if (mayHaveArrived) unanswered = thrown;
      if (tries === MAX_TRIES) throw unanswered === undefined ? thrown : noAnswer(key, submitId, tries, thrown);
    }
    await pause(PAUSE_BETWEEN_TRIES_MS * tries, signal);
  }
}

function noAnswer(key: string, submitId: string, tries: number, cause: unknown): LongshoreError {
  const message =
    `the submit was not answered in ${tries} tries, so the task may or may not exist; ` +
    `look for the key ${JSON.stringify(key)}, or submit again with it and the submitId ${JSON.stringify(submitId)}`;
  return new LongshoreError('BUS_TIMEOUT', message, { cause, details: { key, submitId } });
}
