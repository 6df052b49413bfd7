import { context, trace } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { PgInstrumentation } from '@opentelemetry/instrumentation-pg';
import { AlwaysOffSampler, ParentBasedSampler, TracerProvider } from '@opentelemetry/sdk-trace';
import type { SpanData } from '../tracing/span-data.ts';
import { RunSpans } from './run-spans.ts';
import type { WorkerTracing } from './worker-tracing.ts';

/** How long spans of a run stay in its thread, in milliseconds: what is lost when the thread is ended. */
const FLUSH_MS = 1_000;

/** Registers the provider of a worker thread. */
export function openWorkerTracing(send: (runId: string, spans: readonly SpanData[]) => void): WorkerTracing {
  const spans = new RunSpans(send);
  // The process has decided with the attempt's span; what is outside of any attempt belongs to no trace.
  const provider = new TracerProvider({
    sampler: new ParentBasedSampler({ root: new AlwaysOffSampler() }),
    spanProcessors: [spans],
  });
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  trace.setGlobalTracerProvider(provider);
  const instrumentation = new PgInstrumentation({ requireParentSpan: true, ignoreConnectSpans: true });
  instrumentation.setTracerProvider(provider);
  instrumentation.enable();
  setInterval(() => spans.flushAll(), FLUSH_MS).unref();
  return { flush: (runId) => spans.flush(runId) };
}
