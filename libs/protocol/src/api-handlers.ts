import type { Principal } from '@longshore/core';
import type { ApiMethod, ApiReply, ApiRequest } from './api.ts';
import type { TraceContext } from './trace-context.ts';

/** What a request brings along besides its payload, whichever way it came. */
export interface ApiContext {
  /** The caller's trace; null: it doesn't trace. */
  readonly trace: TraceContext | null;
  /** Who asks; null: the caller doesn't say. What is not verified is shown, and decides nothing. */
  readonly principal: Principal | null;
}

/** Answers requests of one method. What it throws is answered as an error with its code. */
export type ApiHandler<M extends ApiMethod> = (request: ApiRequest<M>, context: ApiContext) => Promise<ApiReply<M>>;

/** Answers every method. */
export type ApiHandlers = { readonly [M in ApiMethod]: ApiHandler<M> };
