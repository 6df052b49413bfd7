import type { TraceContext } from '@longshore/protocol';
import { context, trace } from '@opentelemetry/api';

/** The application's active span as it travels in headers; null where it doesn't trace. */
export function activeTrace(): TraceContext | null {
  const span = trace.getSpanContext(context.active());
  if (span === undefined || !trace.isSpanContextValid(span)) return null;
  const traceparent = `00-${span.traceId}-${span.spanId}-${span.traceFlags.toString(16).padStart(2, '0')}`;
  const tracestate = span.traceState?.serialize() ?? '';
  return tracestate === '' ? { traceparent } : { traceparent, tracestate };
}
