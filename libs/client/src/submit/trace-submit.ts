import { context, SpanKind, SpanStatusCode, trace, type Span } from '@opentelemetry/api';

/**
 * Runs a submit within a span of its own, the parent of everything that the task does. It ends when the submit does: a task may
 * outlive the application by days.
 */
export async function traceSubmit<T>(
  type: string,
  submit: () => Promise<T>,
  idOf: (submitted: T) => string,
): Promise<T> {
  const span = trace
    .getTracer('@longshore/client')
    .startSpan(`submit ${type}`, { kind: SpanKind.PRODUCER, attributes: { 'longshore.task.type': type } });
  try {
    const submitted = await context.with(trace.setSpan(context.active(), span), submit);
    span.setAttribute('longshore.task.id', idOf(submitted));
    return submitted;
  } catch (error) {
    markFailed(span, error);
    throw error;
  } finally {
    span.end();
  }
}

function markFailed(span: Span, error: unknown): void {
  const code = (error as { readonly code?: unknown } | null)?.code;
  const message = error instanceof Error ? error.message : String(error);
  span.setAttribute('error.type', typeof code === 'string' ? code : 'unknown');
  span.setStatus({ code: SpanStatusCode.ERROR, message });
}
