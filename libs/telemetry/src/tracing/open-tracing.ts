import { context, SpanKind, SpanStatusCode, trace, type Context } from '@opentelemetry/api';
import { AsyncLocalStorageContextManager } from '@opentelemetry/context-async-hooks';
import { OTLPTraceExporter as JsonExporter } from '@opentelemetry/exporter-trace-otlp-http';
import { OTLPTraceExporter as ProtobufExporter } from '@opentelemetry/exporter-trace-otlp-proto';
import { TracerProvider, type SpanExporter } from '@opentelemetry/sdk-trace';
import type { TelemetryOptions } from '../telemetry-options.ts';
import type { TraceSettings } from '../telemetry-settings.ts';
import type { Tracing } from '../telemetry.ts';
import { spanContextOf, type TraceContext } from '../trace-context.ts';
import { chooseSampler } from './choose-sampler.ts';
import { DropLog } from './drop-log.ts';
import { NamedIds } from './named-ids.ts';
import { resourceOf } from './resource.ts';
import { spanOfData } from './span-data.ts';
import { SpanQueue } from './span-queue.ts';
import { startAttemptSpan } from './start-attempt-span.ts';

/** Registers tracing for this process, with the exporter that the settings name. Everything of the SDK is loaded from here. */
export function openTracing(
  settings: TraceSettings,
  options: TelemetryOptions,
  onDropped: (spans: number) => void,
): { readonly tracing: Tracing; readonly shutdown: () => Promise<void> } {
  const resource = resourceOf(options);
  const ids = new NamedIds();
  const dropped = new DropLog(options.logger);
  const queue = new SpanQueue({
    ...settings,
    exporter: exporterOf(settings),
    onDropped: (spans, why) => {
      dropped.note(spans, why);
      onDropped(spans);
    },
  });
  const sampler = chooseSampler(settings);
  const provider = new TracerProvider({
    resource,
    idGenerator: ids,
    sampler,
    spanProcessors: [queue],
  });
  context.setGlobalContextManager(new AsyncLocalStorageContextManager().enable());
  trace.setGlobalTracerProvider(provider);
  const tracer = provider.getTracer('longshore');
  return {
    tracing: {
      tracer,
      startAttempt: (attempt, startedAt = performance.timeOrigin + performance.now()) =>
        startAttemptSpan({ tracer, ids, sampler }, attempt, startedAt),
      startRequest: (method, caller) => {
        const attributes = { 'rpc.system.name': 'longshore', 'rpc.method': method };
        return tracer.startSpan(method, { kind: SpanKind.SERVER, attributes }, contextOf(caller));
      },
      startWithin: (parent, name, attributes, startTime = performance.timeOrigin + performance.now()) =>
        tracer.startSpan(name, { attributes, startTime }, contextOf(parent)),
      markFailed: (span, error) => {
        const code = (error as { readonly code?: unknown } | null)?.code;
        span.setAttribute('error.type', typeof code === 'string' ? code : 'unknown');
        span.setStatus({ code: SpanStatusCode.ERROR, message: error instanceof Error ? error.message : String(error) });
      },
      takeSpans: (spans) => {
        for (const data of spans) {
          const span = spanOfData(data, resource);
          if (span !== null) queue.add(span);
        }
      },
      get isBehind() {
        return queue.isBehind;
      },
      room: () => queue.room(),
    },
    shutdown: () => provider.shutdown(),
  };
}

function contextOf(parent: TraceContext | null): Context {
  const span = parent === null ? null : spanContextOf(parent);
  return span === null ? context.active() : trace.setSpanContext(context.active(), span);
}

/** The exporters read endpoint, headers, time-out, compression and certificates from the environment themselves. */
function exporterOf({ protocol }: TraceSettings): SpanExporter {
  return protocol === 'http/json' ? new JsonExporter() : new ProtobufExporter();
}
