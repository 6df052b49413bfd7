import type { Bus } from '@longshore/bus';
import { LongshoreError, type PrincipalClaim } from '@longshore/core';
import type { ApiMethod, ApiReply, ApiRequest } from '@longshore/protocol';
import { activeTrace } from './active-trace.ts';
import type { CallOptions } from './client-options.ts';

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

  /** Asks an owner; rejects as `Bus.request` does. */
  request<M extends ApiMethod>(method: M, payload: ApiRequest<M>, options: CallOptions = {}): Promise<ApiReply<M>> {
    if (this.#closed.signal.aborted) return Promise.reject(this.#closed.signal.reason as Error);
    return this.bus.request(method, payload, {
      trace: options.trace ?? activeTrace(),
      principal: this.#principal,
    });
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
