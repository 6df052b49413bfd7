import { LongshoreError, toErrorData } from '@longshore/core';
import {
  API,
  OWNER_QUEUE,
  parseRequest,
  readPrincipal,
  readTraceContext,
  type ApiHandler,
  type ApiHandlers,
  type ApiMethod,
  type ReplyEnvelope,
  type Subjects,
} from '@longshore/protocol';
import type { Msg, NatsConnection } from '@nats-io/transport-node';
import type { Subscription } from './bus.ts';
import { isTooLarge, tooLarge } from './request-errors.ts';

/**
 * Subscribes to every method in the owners' queue group.
 *
 * @param atOnce requests that are under way at once, at most. Others are refused unread: each would wait for a session of the store and keep
 * memory meanwhile, and a caller that has given up doesn't take its request back.
 */
export function answerRequests(
  nats: NatsConnection,
  subjects: Subjects,
  handlers: ApiHandlers,
  atOnce: number,
): Subscription {
  let underWay = 0;
  const receive = async (message: Msg, method: ApiMethod): Promise<void> => {
    if (underWay >= atOnce) {
      message.respond(overloaded(method));
      return;
    }
    underWay += 1;
    try {
      await answer(message, method, handlers[method] as ApiHandler<ApiMethod>);
    } finally {
      underWay -= 1;
    }
  };
  const methods = Object.keys(API) as ApiMethod[];
  const subscriptions = methods.map((method) =>
    nats.subscribe(subjects.api(method), {
      queue: OWNER_QUEUE,
      callback: (error, message) => {
        if (error === null) void receive(message, method);
      },
    }),
  );
  return { close: () => subscriptions.forEach((subscription) => subscription.unsubscribe()) };
}

function overloaded(method: ApiMethod): string {
  const error = new LongshoreError(
    'OVERLOADED',
    `${method} was not looked at: this owner answers as many requests as it may`,
  );
  return JSON.stringify({ ok: false, error: toErrorData(error) } satisfies ReplyEnvelope);
}

async function answer<M extends ApiMethod>(message: Msg, method: M, handler: ApiHandler<M>): Promise<void> {
  let reply: ReplyEnvelope;
  try {
    const request = requestOf(method, message);
    const header = (name: string): string | undefined => message.headers?.get(name);
    const context = { trace: readTraceContext(header), principal: readPrincipal(header) };
    reply = { ok: true, value: await handler(request as Parameters<ApiHandler<M>>[0], context) };
  } catch (thrown) {
    reply = { ok: false, error: toErrorData(thrown) };
  }
  try {
    message.respond(JSON.stringify(reply));
  } catch (thrown) {
    // Refused here, synchronously: beyond the server's payload limit, or nothing that JSON can carry. The caller still gets an
    // answer.
    const error = isTooLarge(thrown) ? tooLarge(`the reply of ${method}`, thrown) : thrown;
    message.respond(JSON.stringify({ ok: false, error: toErrorData(error) } satisfies ReplyEnvelope));
  }
}

function requestOf(method: ApiMethod, message: Msg): unknown {
  let payload: unknown;
  try {
    payload = JSON.parse(message.string());
  } catch (cause) {
    throw new LongshoreError('ARGUMENT_INVALID', `the request ${method} is not JSON`, { cause });
  }
  return parseRequest<unknown>(API[method].request, payload);
}
