import { LongshoreError } from '@longshore/core';
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
import { connect, headers, type MsgHdrs, type NatsConnection } from '@nats-io/transport-node';
import type { z } from 'zod';
import { answerRequests } from './answer-requests.ts';
import { natsOptions, serverList, type BusOptions } from './bus-options.ts';
import type { Bus, RequestOptions } from './bus.ts';
import { RemoteError, requestError } from './request-errors.ts';

const DEFAULT_REQUEST_TIMEOUT_MS = 5_000;
/** Draining waits for subscriptions that may hang with the server; a stop must not. */
const CLOSE_TIMEOUT_MS = 1_000;

/**
 * Connects to NATS. Once it was up, the connection is re-established for ever.
 *
 * @throws {LongshoreError} BUS_UNAVAILABLE when no server answers and `waitForServer` is false.
 */
export async function connectBus(options: BusOptions): Promise<Bus> {
  const subjects = subjectsOf(options.cluster);
  const nats = await open(options);
  const reconnected = new Set<() => void>();
  const onCallbackError = options.onCallbackError ?? warn;
  let isConnected = true;
  void watchStatus(nats, {
    disconnect: () => (isConnected = false),
    reconnect: () => {
      isConnected = true;
      for (const callback of reconnected) guarded(callback, onCallbackError);
    },
  });
  return {
    subjects,
    get isConnected() {
      return isConnected;
    },
    async request<M extends ApiMethod>(
      method: M,
      payload: unknown,
      request: RequestOptions = {},
    ): Promise<ApiReply<M>> {
      if (!isConnected) {
        throw new LongshoreError('BUS_UNAVAILABLE', `${method} was not sent: the connection to NATS is lost`);
      }
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
    answer: (handlers) => answerRequests(nats, subjects, handlers),
    publish: (subject, payload) => {
      if (isConnected && !nats.isClosed()) nats.publish(subject, JSON.stringify(payload));
    },
    subscribe: (subject, schema, receive) => {
      const subscription = nats.subscribe(subject, {
        callback: (error, message) => {
          if (error !== null) return;
          const parsed = schema.safeParse(parseJson(message.string()));
          // What a receiver throws would end the client library's reader, and with it every subscription of this process.
          if (parsed.success) guarded(() => receive(parsed.data), onCallbackError);
        },
      });
      return { close: () => subscription.unsubscribe() };
    },
    onReconnect: (callback) => void reconnected.add(callback),
    flush: () => nats.flush(),
    close: async () => {
      if (nats.isClosed()) return;
      if (!isConnected) return nats.close();
      await Promise.race([nats.drain().catch(() => nats.close()), afterMs(CLOSE_TIMEOUT_MS)]);
      await nats.close();
    },
  };
}

async function open(options: BusOptions): Promise<NatsConnection> {
  try {
    return await connect(natsOptions(options));
  } catch (cause) {
    const servers = serverList(options).map(withoutCredentials).join(', ');
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new LongshoreError('BUS_UNAVAILABLE', `cannot connect to NATS at ${servers}: ${reason}`, { cause });
  }
}

/** A server's address as it may be shown. */
function withoutCredentials(server: string): string {
  return server.replace(/^([a-z]+:\/\/)?.*@/, '$1');
}

async function watchStatus(
  nats: NatsConnection,
  on: { readonly disconnect: () => void; readonly reconnect: () => void },
): Promise<void> {
  for await (const status of nats.status()) {
    if (status.type === 'disconnect') on.disconnect();
    if (status.type === 'reconnect') on.reconnect();
  }
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

function afterMs(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms).unref());
}
