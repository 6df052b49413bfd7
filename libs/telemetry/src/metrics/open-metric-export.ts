import { OTLPMetricExporter as JsonExporter } from '@opentelemetry/exporter-metrics-otlp-http';
import { OTLPMetricExporter as ProtobufExporter } from '@opentelemetry/exporter-metrics-otlp-proto';
import { MeterProvider, PeriodicExportingMetricReader } from '@opentelemetry/sdk-metrics';
import type { Registry } from 'prom-client';
import type { TelemetryIdentity } from '../telemetry-options.ts';
import type { MetricSettings } from '../telemetry-settings.ts';
import { resourceOf } from '../tracing/resource.ts';
import type { MetricInfo } from './metric-table.ts';
import { RegistryProducer } from './registry-producer.ts';

/** Sends what a registry holds every interval. @returns what sends it a last time and ends that. */
export function openMetricExport(
  settings: MetricSettings,
  identity: TelemetryIdentity,
  registry: Registry,
  infoOf: (prometheusName: string) => MetricInfo | undefined,
): () => Promise<void> {
  const resource = resourceOf(identity);
  const reader = new PeriodicExportingMetricReader({
    exporter: settings.protocol === 'http/json' ? new JsonExporter() : new ProtobufExporter(),
    exportIntervalMillis: settings.intervalMs,
    // The reader wants a request to be over before the next one is due.
    exportTimeoutMillis: Math.min(settings.intervalMs, 30_000),
    metricProducers: [new RegistryProducer(registry, resource, infoOf)],
  });
  const provider = new MeterProvider({ resource, readers: [reader] });
  return () => provider.shutdown();
}
