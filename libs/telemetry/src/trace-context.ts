import { context, trace, type SpanContext, type TraceState } from '@opentelemetry/api';

/** W3C trace context, as it travels in message headers and is stored with a task. */
export interface TraceContext {
  readonly traceparent: string;
  readonly tracestate?: string;
}

const TRACEPARENT = /^00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})$/;

/** A trace context as the API's span context; null when it is not well formed. */
export function spanContextOf({ traceparent, tracestate }: TraceContext): SpanContext | null {
  const [, traceId, spanId, flags] = TRACEPARENT.exec(traceparent) ?? [];
  if (traceId === undefined || spanId === undefined || flags === undefined) return null;
  return {
    traceId,
    spanId,
    traceFlags: Number.parseInt(flags, 16),
    isRemote: true,
    ...(tracestate === undefined ? {} : { traceState: carried(tracestate) }),
  };
}

/** Other vendors' entries, passed on as they came: we have none of our own to add. */
function carried(tracestate: string): TraceState {
  const state: TraceState = { get: () => undefined, set: () => state, unset: () => state, serialize: () => tracestate };
  return state;
}

/** A span context as text for headers and messages. */
export function traceContextOf({ traceId, spanId, traceFlags, traceState }: SpanContext): TraceContext {
  const traceparent = `00-${traceId}-${spanId}-${traceFlags.toString(16).padStart(2, '0')}`;
  const tracestate = traceState?.serialize() ?? '';
  return tracestate === '' ? { traceparent } : { traceparent, tracestate };
}

/** The trace id of a stored context, for log lines; undefined without one. */
export function traceIdOf(stored: TraceContext | null): string | undefined {
  return stored === null ? undefined : TRACEPARENT.exec(stored.traceparent)?.[1];
}

/** `trace_id` and `span_id` of the active span, for log lines; nothing outside of a span. */
export function activeSpanFields(): Record<string, string> {
  const span = trace.getSpanContext(context.active());
  return span === undefined ? {} : { trace_id: span.traceId, span_id: span.spanId };
}
