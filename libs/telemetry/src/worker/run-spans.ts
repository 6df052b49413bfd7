import { TraceFlags, type Context } from '@opentelemetry/api';
import type { ReadableSpan, Span, SpanProcessor } from '@opentelemetry/sdk-trace';
import { spanData, type SpanData } from '../tracing/span-data.ts';
import { runOf } from './run-context.ts';

/** Spans of one message: enough to make messages cheap, few enough to keep little in the thread. */
const PAGE_SPANS = 100;

/** Collects the ended spans of each run of a worker thread. */
export class RunSpans implements SpanProcessor {
  readonly #send: (runId: string, spans: readonly SpanData[]) => void;
  readonly #runs = new WeakMap<object, string>();
  readonly #ended = new Map<string, SpanData[]>();

  constructor(send: (runId: string, spans: readonly SpanData[]) => void) {
    this.#send = send;
  }

  onStart(span: Span, parent: Context): void {
    const run = runOf(parent);
    if (run !== undefined) this.#runs.set(span, run);
  }

  onEnd(span: ReadableSpan): void {
    const run = this.#runs.get(span);
    if (run === undefined || (span.spanContext().traceFlags & TraceFlags.SAMPLED) === 0) return;
    const ended = this.#ended.get(run) ?? [];
    ended.push(spanData(span));
    this.#ended.set(run, ended);
    if (ended.length >= PAGE_SPANS) this.flush(run);
  }

  flush(runId: string): void {
    const ended = this.#ended.get(runId);
    if (ended === undefined) return;
    this.#ended.delete(runId);
    this.#send(runId, ended);
  }

  flushAll(): void {
    for (const runId of [...this.#ended.keys()]) this.flush(runId);
  }

  forceFlush(): Promise<void> {
    this.flushAll();
    return Promise.resolve();
  }

  shutdown(): Promise<void> {
    return this.forceFlush();
  }
}
