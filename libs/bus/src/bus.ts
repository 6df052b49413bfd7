import type { PrincipalClaim } from '@longshore/core';
import type { ApiHandlers, ApiMethod, ApiReply, ApiRequest, Subjects, TraceContext } from '@longshore/protocol';
import type { z } from 'zod';

export interface RequestOptions {
  /** Milliseconds to wait for the reply. Default: the connection's. */
  readonly timeoutMs?: number;
  /** Travels in the headers, so that the answering service continues the caller's trace. */
  readonly trace?: TraceContext | null;
  /** Who asks, as the caller says. Travels in the headers; nobody vouches for it. Default: nobody is named. */
  readonly principal?: PrincipalClaim | null;
}

export interface Subscription {
  /** Stops delivery. */
  close(): void;
}

/** A connection to NATS with Longshore's subjects and payloads. */
export interface Bus {
  readonly subjects: Subjects;
  /** False while there is no connection yet, or it is lost and being re-established. */
  readonly isConnected: boolean;
  /**
   * Asks an owner.
   *
   * @throws {LongshoreError} BUS_UNAVAILABLE when there is no connection or nobody answers, BUS_TIMEOUT when the answer
   * takes too long, and whatever the owner answered with, by its own code.
   */
  request<M extends ApiMethod>(method: M, payload: ApiRequest<M>, options?: RequestOptions): Promise<ApiReply<M>>;
  /**
   * Answers every method, one of the group of owners per request. A request that doesn't fit its schema gets ARGUMENT_INVALID, and one
   * beyond `atOnce` (default 256) that are under way OVERLOADED.
   */
  answer(handlers: ApiHandlers, limits?: { readonly atOnce?: number }): Subscription;
  /** Sends a hint. Dropped while disconnected: hints only speed up what a poll would find. */
  publish(subject: string, payload: unknown): void;
  /** Receives hints; what doesn't fit the schema is dropped, and the connection's `onHintDropped` told. */
  subscribe<T>(subject: string, schema: z.ZodType<T>, receive: (payload: T) => void): Subscription;
  /** Calls back after each connection that was not there at once, or was re-established: hints were missed, look now. Until it is closed. */
  onReconnect(callback: () => void): Subscription;
  /**
   * Resolves once everything sent so far has reached the server.
   *
   * @throws {LongshoreError} BUS_TIMEOUT when the server doesn't say so within the time of a request.
   */
  flush(): Promise<void>;
  /** Sends what is queued and closes. Idempotent, at most a second. */
  close(): Promise<void>;
}
