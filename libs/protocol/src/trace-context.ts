/** W3C trace context as it travels in message headers and is stored with a task. */
export interface TraceContext {
  readonly traceparent: string;
  readonly tracestate?: string;
}

export const TRACEPARENT_HEADER = 'traceparent';
export const TRACESTATE_HEADER = 'tracestate';

const TRACEPARENT = /^00-(?!0{32})[0-9a-f]{32}-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/;

/** Reads a trace context from headers; null when there is none or it isn't well formed. */
export function readTraceContext(get: (name: string) => string | undefined): TraceContext | null {
  const traceparent = get(TRACEPARENT_HEADER);
  if (traceparent === undefined || !TRACEPARENT.test(traceparent)) return null;
  const tracestate = get(TRACESTATE_HEADER);
  return tracestate === undefined || tracestate === '' ? { traceparent } : { traceparent, tracestate };
}
