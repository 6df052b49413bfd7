import {
  context,
  SpanKind,
  SpanStatusCode,
  trace,
  TraceFlags,
  type Context,
  type Link,
  type Tracer,
} from '@opentelemetry/api';
import { attemptSpanId, taskTraceId } from '../attempt-ids.ts';
import type { Attempt, AttemptEnd, AttemptSpan } from '../attempt.ts';
import { spanContextOf, traceContextOf } from '../trace-context.ts';
import type { NamedIds } from './named-ids.ts';

/**
 * Starts the span of an attempt: a child of the task's trace context and of nothing else, so that no process whose death could
 * lose its spans stands between an attempt and the submit.
 *
 * @param startedAt milliseconds since the epoch.
 */
export function startAttemptSpan(tracer: Tracer, ids: NamedIds, attempt: Attempt, startedAt: number): AttemptSpan {
  const { clusterId, taskId, taskType, kind, step } = attempt;
  const parent = attempt.trace === null ? null : spanContextOf(attempt.trace);
  const traceId = parent?.traceId ?? taskTraceId(clusterId, taskId);
  const spanId = attemptSpanId(clusterId, attempt.subtaskId, attempt.attempt);
  const isWork = kind === 'work';
  const span = ids.naming(traceId, spanId, () =>
    tracer.startSpan(
      isWork ? `work ${taskType}/${step}` : `${kind} ${taskType}`,
      {
        kind: SpanKind.CONSUMER,
        startTime: startedAt,
        attributes: {
          'longshore.task.id': taskId,
          'longshore.task.type': taskType,
          'longshore.subtask.id': attempt.subtaskId,
          'longshore.subtask.kind': kind,
          'longshore.subtask.attempt': attempt.attempt,
          'longshore.node.id': attempt.nodeId,
          ...(isWork ? { 'longshore.step': step, 'longshore.subtask.ordinal': attempt.ordinal } : {}),
        },
        ...(attempt.attempt > 1 ? { links: [linkToPrevious(attempt, traceId)] } : {}),
      },
      parentContext(parent),
    ),
  );
  return {
    context: traceContextOf(span.spanContext()),
    end: (end) => {
      span.setAttributes(endAttributes(end));
      if (end.error !== undefined) {
        span.setStatus({ code: SpanStatusCode.ERROR, message: `${end.error.code}: ${end.error.message}` });
      }
      span.end(end.at);
    },
  };
}

function parentContext(parent: ReturnType<typeof spanContextOf>): Context {
  return parent === null ? trace.deleteSpan(context.active()) : trace.setSpanContext(context.active(), parent);
}

function linkToPrevious({ clusterId, subtaskId, attempt }: Attempt, traceId: string): Link {
  return {
    context: { traceId, spanId: attemptSpanId(clusterId, subtaskId, attempt - 1), traceFlags: TraceFlags.SAMPLED },
    attributes: { 'longshore.link': 'previous-attempt' },
  };
}

function endAttributes({ outcome, error, rows = 0, bytes = 0 }: AttemptEnd): Record<string, string | number> {
  return {
    'longshore.subtask.outcome': outcome,
    ...(rows > 0 ? { 'longshore.subtask.rows': rows } : {}),
    ...(bytes > 0 ? { 'longshore.subtask.bytes': bytes } : {}),
    ...(error === undefined ? {} : { 'error.type': error.code }),
  };
}
