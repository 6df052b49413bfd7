import { setTimeout as wait } from 'node:timers/promises';
import { jsonFault, LongshoreError } from '@longshore/core';
import {
  API,
  principalHeaders,
  replyEnvelope,
  subjects as subjectsOf,
  TRACEPARENT_HEADER,
  TRACESTATE_HEADER,
  type ApiMethod,
  type ApiReply,
} from '@longshore/protocol';
import { headers, type MsgHdrs } from '@nats-io/transport-node';
import type { z } from 'zod';
import { answerRequests } from './answer-requests.ts';
import type { BusOptions } from './bus-options.ts';
import type { Bus, RequestOptions } from './bus.ts';
import { NatsLink } from './nats-link.ts';
import { RemoteError, requestError } from './request-errors.ts';

/** Some hundred wait for the store's few sessions for less than a second; what waits longer than its caller does is work for nobody. */
const DEFAULT_AT_ONCE = 256;
const DEFAULT_REQUEST_TIMEOUT_MS = 5_000;

/**
 * Connects to NATS. Once it was up, the connection is re-established for ever.
 *
 * @throws {LongshoreError} CONFIG_INVALID for files that can't be used and a certificate that isn't trusted; BUS_UNAVAILABLE when the
 * login is refused, or when no server answers and `waitForServer` is false.
 */
export async function connectBus(options: BusOptions): Promise<Bus> {
  const subjects = subjectsOf(options.cluster);
  const reconnected = new Set<{ readonly callback: () => void }>();
  const onCallbackError = options.onCallbackError ?? warn;
  const link = await NatsLink.open(options, () => {
    for (const { callback } of reconnected) guarded(callback, onCallbackError);
  });
  return {
    subjects,
    get isConnected() {
      return link.isConnected;
    },
    async request<M extends ApiMethod>(
      method: M,
      payload: unknown,
      request: RequestOptions = {},
    ): Promise<ApiReply<M>> {
      const { nats } = link;
      if (nats === null || !link.isConnected) {
        throw new LongshoreError('BUS_UNAVAILABLE', `${method} was not sent: there is no connection to NATS`);
      }
      const fault = jsonFault(payload);
      if (fault !== null) throw new LongshoreError('ARGUMENT_INVALID', `${method} was not sent: ${fault}`);
      const timeoutMs = request.timeoutMs ?? options.requestTimeoutMs ?? DEFAULT_REQUEST_TIMEOUT_MS;
      const sent = requestHeaders(request);
      const reply = await nats
        .request(subjects.api(method), JSON.stringify(payload), {
          timeout: timeoutMs,
          ...(sent === null ? {} : { headers: sent }),
        })
        .catch((thrown: unknown) => {
          throw requestError(thrown, method, timeoutMs);
        });
      const envelope = parseReply(replyEnvelope, parseJson(reply.string()), method);
      if (!envelope.ok) throw new RemoteError(envelope.error);
      return parseReply<unknown>(API[method].reply, envelope.value, method) as ApiReply<M>;
    },
    answer: (handlers, { atOnce = DEFAULT_AT_ONCE } = {}) =>
      link.use((nats) => answerRequests(nats, subjects, handlers, atOnce)),
    publish: (subject, payload) => {
      const { nats } = link;
      if (nats !== null && link.isConnected && !nats.isClosed()) nats.publish(subject, JSON.stringify(payload));
    },
    subscribe: (subject, schema, receive) =>
      link.use((nats) => {
        const subscription = nats.subscribe(subject, {
          callback: (error, message) => {
            if (error !== null) return;
            const parsed = schema.safeParse(parseJson(message.string()));
            // What a receiver throws would end the client library's reader, and with it every subscription of this process.
            if (parsed.success) guarded(() => receive(parsed.data), onCallbackError);
            else options.onHintDropped?.();
          },
        });
        return { close: () => subscription.unsubscribe() };
      }),
    onReconnect: (callback) => {
      // Of its own, since the same callback may be given twice.
      const entry = { callback };
      reconnected.add(entry);
      return { close: () => void reconnected.delete(entry) };
    },
    flush: () => within(options.requestTimeoutMs ?? DEFAULT_REQUEST_TIMEOUT_MS, link.nats?.flush()),
    close: () => link.close(),
  };
}

/** @throws {LongshoreError} ARGUMENT_INVALID when the principal can't be sent. */
function requestHeaders({ trace, principal }: RequestOptions): MsgHdrs | null {
  if (trace == null && principal == null) return null;
  const result = headers();
  if (trace != null) {
    result.set(TRACEPARENT_HEADER, trace.traceparent);
    if (trace.tracestate !== undefined) result.set(TRACESTATE_HEADER, trace.tracestate);
  }
  for (const [name, value] of Object.entries(principal == null ? {} : principalHeaders(principal))) {
    result.set(name, value);
  }
  return result;
}

/** @throws {LongshoreError} INTERNAL naming what doesn't fit: caller and owner are of versions that don't understand each other. */
function parseReply<T>(schema: z.ZodType<T>, value: unknown, method: string): T {
  const parsed = schema.safeParse(value);
  if (parsed.success) return parsed.data;
  const issues = parsed.error.issues.map((issue) => `${issue.path.join('.') || 'reply'}: ${issue.message}`);
  throw new LongshoreError('INTERNAL', `the reply of ${method} doesn't fit its schema: ${issues.join('; ')}`, {
    cause: parsed.error,
  });
}

/** The client library waits for the connection's end, which a connection that was dropped without a word doesn't have. */
async function within(timeoutMs: number, flushing: Promise<void> | undefined): Promise<void> {
  const over = new AbortController();
  const late = wait(timeoutMs, undefined, { signal: over.signal, ref: false }).then(() => {
    throw new LongshoreError('BUS_TIMEOUT', `NATS did not answer to a flush within ${timeoutMs} ms`);
  });
  late.catch(() => undefined);
  try {
    await Promise.race([flushing, late]);
  } finally {
    over.abort();
  }
}

function guarded(callback: () => void, onError: (error: unknown) => void): void {
  try {
    callback();
  } catch (error) {
    onError(error);
  }
}

function warn(error: unknown): void {
  process.emitWarning(error instanceof Error ? error : String(error));
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
