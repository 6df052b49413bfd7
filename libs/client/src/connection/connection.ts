import type { Bus } from '@longshore/bus';
import { hasCode, LongshoreError, type ErrorCode, type PrincipalClaim } from '@longshore/core';
import type { ApiMethod, ApiReply, ApiRequest } from '@longshore/protocol';
import { activeTrace } from './active-trace.ts';
import type { CallOptions } from './client-options.ts';

/** Requests that may arrive more than once: those that change nothing, and submits, whose id starts one run at most. */
const REPEATABLE: ReadonlySet<ApiMethod> = new Set([
  'task.submit',
  'task.get',
  'task.view',
  'task.list',
  'task.runs',
  'task.events',
  'task.subtasks',
  'node.list',
  'limits.get',
  'type.list',
]);

/**
 * When such a request is sent once more while no answer has come, in milliseconds. NATS gives each to any of the owners, also to one that has been
 * stopped or cut off without a word, which it notices only after minutes. Another one answers in milliseconds.
 */
const SENT_AGAIN_MS = [1_000, 2_000, 3_000];

/** What a request that is sent once more may end with and tells nothing: the first one may still be answered. */
const UNANSWERED: readonly ErrorCode[] = ['BUS_TIMEOUT', 'BUS_UNAVAILABLE', 'OVERLOADED'];

/** A client's connection: the bus, and what ends with it. Shared by the client and its task handles. */
export class Connection {
  readonly bus: Bus;
  readonly #principal: PrincipalClaim | null;
  readonly #closed = new AbortController();
  readonly #reconnected = new Set<() => void>();

  /** @param principal who asks, by its own word; null: nobody is named. */
  constructor(bus: Bus, principal: PrincipalClaim | null) {
    this.bus = bus;
    this.#principal = principal;
    bus.onReconnect(() => {
      for (const callback of this.#reconnected) callback();
    });
  }

  /** Asks an owner, and another one if that takes long and the request may arrive twice; rejects as `Bus.request` does. */
  request<M extends ApiMethod>(method: M, payload: ApiRequest<M>, options: CallOptions = {}): Promise<ApiReply<M>> {
    if (this.#closed.signal.aborted) return Promise.reject(this.#closed.signal.reason as Error);
    const context = { trace: options.trace ?? activeTrace(), principal: this.#principal };
    const ask = (): Promise<ApiReply<M>> => this.bus.request(method, payload, context);
    return REPEATABLE.has(method) ? firstAnswer(ask) : ask();
  }

  /** A signal that aborts when the caller's does or when the client is closed. */
  endsWith(signal: AbortSignal | undefined): AbortSignal {
    return signal === undefined ? this.#closed.signal : AbortSignal.any([signal, this.#closed.signal]);
  }

  /** Calls back after each re-established connection. @returns what ends that. */
  onReconnect(callback: () => void): () => void {
    this.#reconnected.add(callback);
    return () => void this.#reconnected.delete(callback);
  }

  async close(): Promise<void> {
    this.#closed.abort(new LongshoreError('BUS_UNAVAILABLE', 'this client was closed; connect a new one'));
    await this.bus.close();
  }
}

/** The first answer, also one that refuses. A request that was sent again says nothing by not being answered: the first one has the whole time-out. */
async function firstAnswer<T>(ask: () => Promise<T>): Promise<T> {
  const other = Promise.withResolvers<T>();
  const timers = SENT_AGAIN_MS.map((ms) =>
    setTimeout(
      () =>
        void ask().then(other.resolve, (thrown: unknown) => {
          if (!UNANSWERED.some((code) => hasCode(thrown, code))) other.reject(thrown);
        }),
      ms,
    ),
  );
  try {
    return await Promise.race([ask(), other.promise]);
  } finally {
    for (const timer of timers) clearTimeout(timer);
  }
}
