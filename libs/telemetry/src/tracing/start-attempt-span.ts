import {
  ROOT_CONTEXT,
  SpanKind,
  SpanStatusCode,
  trace,
  TraceFlags,
  type Attributes,
  type Context,
  type Link,
  type Tracer,
} from '@opentelemetry/api';
import { SamplingDecision, type Sampler } from '@opentelemetry/sdk-trace';
import { attemptSpanId, taskTraceId } from '../attempt-ids.ts';
import type { Attempt, AttemptEnd, AttemptSpan } from '../attempt.ts';
import { spanContextOf, traceContextOf, type TraceContext } from '../trace-context.ts';
import type { NamedIds } from './named-ids.ts';

/** What spans of attempts are made with. */
export interface AttemptTracer {
  readonly tracer: Tracer;
  readonly ids: NamedIds;
  readonly sampler: Sampler;
}

/**
 * Starts the span of an attempt: a child of the task's trace context and of nothing else, so that no process whose death could
 * lose its spans stands between an attempt and the submit.
 *
 * Until it ends there is only its context. The SDK's part follows then, for many attempts at once and not between the end of one
 * subtask and the start of the next; of an attempt that somebody else tells the end of, nothing has to be undone.
 *
 * @param startedAt milliseconds since the epoch.
 */
export function startAttemptSpan(made: AttemptTracer, attempt: Attempt, startedAt: number): AttemptSpan {
  const parent = attempt.trace === null ? null : spanContextOf(attempt.trace);
  const traceId = parent?.traceId ?? taskTraceId(attempt.clusterId, attempt.taskId);
  const spanId = attemptSpanId(attempt.clusterId, attempt.subtaskId, attempt.attempt);
  const inTrace = parent === null ? ROOT_CONTEXT : trace.setSpanContext(ROOT_CONTEXT, parent);
  const isSampled = isTaken(made.sampler, inTrace, traceId, attempt);
  const traceFlags = isSampled ? TraceFlags.SAMPLED : TraceFlags.NONE;
  return {
    context: contextOf(attempt.trace, traceId, spanId, traceFlags),
    end: (end) => {
      if (!isSampled) return;
      const span = made.ids.naming(traceId, spanId, () =>
        made.tracer.startSpan(
          nameOf(attempt),
          {
            kind: SpanKind.CONSUMER,
            startTime: end.startedAt ?? startedAt,
            attributes: attributesOf(attempt, end),
            ...(attempt.attempt > 1 ? { links: [linkToPrevious(attempt, traceId)] } : {}),
          },
          inTrace,
        ),
      );
      if (end.error !== undefined) {
        span.setStatus({ code: SpanStatusCode.ERROR, message: `${end.error.code}: ${end.error.message}` });
      }
      span.end(end.at);
    },
  };
}

/** The sampler's word, which it gives again when the span is made: it goes by the trace and the parent. */
function isTaken(sampler: Sampler, inTrace: Context, traceId: string, attempt: Attempt): boolean {
  const { decision } = sampler.shouldSample(inTrace, traceId, nameOf(attempt), SpanKind.CONSUMER, {}, []);
  return decision === SamplingDecision.RECORD_AND_SAMPLED;
}

function contextOf(parent: TraceContext | null, traceId: string, spanId: string, traceFlags: TraceFlags): TraceContext {
  const own = traceContextOf({ traceId, spanId, traceFlags });
  return parent?.tracestate === undefined ? own : { ...own, tracestate: parent.tracestate };
}

function nameOf({ kind, taskType, step }: Attempt): string {
  return kind === 'work' ? `work ${taskType}/${step}` : `${kind} ${taskType}`;
}

function linkToPrevious({ clusterId, subtaskId, attempt }: Attempt, traceId: string): Link {
  return {
    context: { traceId, spanId: attemptSpanId(clusterId, subtaskId, attempt - 1), traceFlags: TraceFlags.SAMPLED },
    attributes: { 'longshore.link': 'previous-attempt' },
  };
}

function attributesOf(attempt: Attempt, { outcome, error, rows = 0, bytes = 0 }: AttemptEnd): Attributes {
  const attributes: Attributes = {
    'longshore.task.id': attempt.taskId,
    'longshore.task.type': attempt.taskType,
    'longshore.subtask.id': attempt.subtaskId,
    'longshore.subtask.kind': attempt.kind,
    'longshore.subtask.attempt': attempt.attempt,
    'longshore.subtask.outcome': outcome,
    'longshore.node.id': attempt.nodeId,
  };
  if (attempt.kind === 'work') {
    attributes['longshore.step'] = attempt.step;
    attributes['longshore.subtask.ordinal'] = attempt.ordinal;
  }
  if (rows > 0) attributes['longshore.subtask.rows'] = rows;
  if (bytes > 0) attributes['longshore.subtask.bytes'] = bytes;
  if (error !== undefined) attributes['error.type'] = error.code;
  return attributes;
}
