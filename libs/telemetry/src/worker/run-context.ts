import { context, createContextKey, trace, type Context } from '@opentelemetry/api';
import { spanContextOf, type TraceContext } from '../trace-context.ts';

const RUN = createContextKey('longshore run');

/** The run that a context belongs to. */
export function runOf(active: Context): string | undefined {
  return active.getValue(RUN) as string | undefined;
}

/**
 * Runs plugin code within the span of its attempt: spans that it starts become children of it, and so does the SQL that it sends.
 *
 * @param attempt the span's context; undefined: tracing is off, and nothing is wrapped.
 */
export function withinAttempt<T>(runId: string, attempt: TraceContext | undefined, work: () => T): T {
  const span = attempt === undefined ? null : spanContextOf(attempt);
  if (span === null) return work();
  return context.with(trace.setSpanContext(context.active(), span).setValue(RUN, runId), work);
}
