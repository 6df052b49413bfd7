import type { SubmitReply } from '@longshore/protocol';
import { traceContextOf, type TraceContext, type Tracing } from '@longshore/telemetry';

/**
 * Answers a submit within a span of its own.
 *
 * @param caller the client's trace context.
 * @param submit gets the context that the task is stored with: the client's, so that the task's spans don't hang under one that is
 * lost when this process is killed; where the client has none, the request's own.
 */
export async function traceRequest(
  tracing: Tracing | null,
  type: string,
  caller: TraceContext | null,
  submit: (parent: TraceContext | null) => Promise<SubmitReply>,
): Promise<SubmitReply> {
  if (tracing === null) return submit(caller);
  const span = tracing.startRequest('task.submit', caller);
  span.setAttribute('longshore.task.type', type);
  try {
    const reply = await submit(caller ?? traceContextOf(span.spanContext()));
    span.setAttribute('longshore.task.id', reply.task.id);
    return reply;
  } catch (error) {
    tracing.markFailed(span, error);
    throw error;
  } finally {
    span.end();
  }
}
