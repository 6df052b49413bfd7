import { errorMonitor } from 'node:events';
import { SpanKind, SpanStatusCode, trace } from '@opentelemetry/api';

/** A statement as streams of the driver carry it, and the events of their ends. */
interface StreamOfRows {
  readonly text?: unknown;
  once?(event: string | symbol, listener: (error?: unknown) => void): unknown;
}

/**
 * A span for a statement that streams its rows, such as COPY, from now to the end of the stream. The `pg` instrumentation sees such
 * a statement begin, but not end, so its span would never be exported.
 */
export function traceStream(statement: unknown): void {
  const stream = statement as StreamOfRows | null;
  if (typeof stream?.text !== 'string' || typeof stream.once !== 'function') return;
  const operation = /^\s*(\w+)/.exec(stream.text)?.[1]?.toUpperCase() ?? 'STREAM';
  const span = trace.getTracer('@longshore/effects').startSpan(operation, {
    kind: SpanKind.CLIENT,
    attributes: { 'db.system.name': 'postgresql', 'db.operation.name': operation, 'db.query.text': stream.text },
  });
  if (!span.isRecording()) return;
  // Looks on only: an error that nobody handles must stay one.
  stream.once(errorMonitor, (error) => {
    const code = (error as { readonly code?: unknown } | null)?.code;
    span.setAttribute('error.type', typeof code === 'string' ? code : 'unknown');
    span.setStatus({ code: SpanStatusCode.ERROR, message: error instanceof Error ? error.message : String(error) });
  });
  stream.once('close', () => span.end());
}
