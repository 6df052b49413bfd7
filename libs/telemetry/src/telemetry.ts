import type { Attributes, Span, Tracer } from '@opentelemetry/api';
import type { Attempt, AttemptSpan } from './attempt.ts';
import type { TraceContext } from './trace-context.ts';
import type { SpanData } from './tracing/span-data.ts';

/** Spans of this process. */
export interface Tracing {
  readonly tracer: Tracer;
  /**
   * Starts the span of an attempt.
   *
   * @param startedAt milliseconds since the epoch. Default: now.
   */
  startAttempt(attempt: Attempt, startedAt?: number): AttemptSpan;
  /** Starts the span of a request that is answered here. */
  startRequest(method: string, caller: TraceContext | null): Span;
  /**
   * Starts a span of something that this process does for a task.
   *
   * @param startedAt milliseconds since the epoch. Default: now.
   */
  startWithin(parent: TraceContext, name: string, attributes: Attributes, startedAt?: number): Span;
  /** Notes on a span that it failed, and with which code. */
  markFailed(span: Span, error: unknown): void;
  /** Takes ended spans of a worker thread for export. */
  takeSpans(spans: readonly SpanData[]): void;
  /** Spans come faster than the collector takes them: who makes many should wait for room. Never while the collector is away. */
  readonly isBehind: boolean;
  /** Resolves when it is not behind any more. */
  room(): Promise<void>;
}

/** What leaves this process by OTLP. */
export interface Telemetry {
  /** Null: tracing is off, and no part of an SDK was loaded. */
  readonly tracing: Tracing | null;
  /** Sends what is left, within a few seconds, and ends. */
  shutdown(): Promise<void>;
}
