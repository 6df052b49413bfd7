import type { WaitingReason } from '@longshore/sdk';
import { trace } from '@opentelemetry/api';

/** Shows a wait as a span with its reason, under whatever is active. @returns what ends it. */
export function traceWaiting({ code, message }: WaitingReason): () => void {
  const span = trace.getTracer('longshore').startSpan(`waiting ${code}`, {
    attributes: { 'longshore.waiting.code': code, 'longshore.waiting.message': message },
  });
  return () => span.end();
}
