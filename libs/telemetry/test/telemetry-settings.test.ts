import { expect, test } from 'vitest';
import { readTelemetrySettings } from '../src/telemetry-settings.ts';

const ENDPOINT = { OTEL_EXPORTER_OTLP_ENDPOINT: 'http://collector:4318' };

test.each([
  ['nothing is set', {}, false, false],
  ['an endpoint is named', ENDPOINT, true, true],
  ['an endpoint for traces is named', { OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'http://c/v1/traces' }, true, false],
  ['an exporter is named', { OTEL_TRACES_EXPORTER: 'otlp' }, true, false],
  ['an exporter is none', { ...ENDPOINT, OTEL_TRACES_EXPORTER: 'none' }, false, true],
  ['metrics are for Prometheus', { ...ENDPOINT, OTEL_METRICS_EXPORTER: 'prometheus' }, true, false],
  ['the SDK is disabled', { ...ENDPOINT, OTEL_SDK_DISABLED: 'true' }, false, false],
  ['variables are empty', { OTEL_EXPORTER_OTLP_ENDPOINT: '', OTEL_TRACES_EXPORTER: '' }, false, false],
])('when %s', (_, env: Record<string, string>, hasTraces, hasMetrics) => {
  const { traces, metrics } = readTelemetrySettings(env);
  expect([traces !== null, metrics !== null]).toEqual([hasTraces, hasMetrics]);
});

test('the standard variables are followed, the particular one before the general', () => {
  const { traces, metrics } = readTelemetrySettings({
    ...ENDPOINT,
    OTEL_EXPORTER_OTLP_PROTOCOL: 'http/json',
    OTEL_EXPORTER_OTLP_METRICS_PROTOCOL: 'http/protobuf',
    OTEL_TRACES_SAMPLER: 'parentbased_traceidratio',
    OTEL_TRACES_SAMPLER_ARG: '0.25',
    OTEL_BSP_MAX_QUEUE_SIZE: '100',
    OTEL_METRIC_EXPORT_INTERVAL: '5000',
  });
  expect(traces).toMatchObject({
    protocol: 'http/json',
    sampler: 'parentbased_traceidratio',
    ratio: 0.25,
    maxQueueSize: 100,
    // A batch larger than the queue would never be full.
    maxBatchSize: 100,
  });
  expect(metrics).toEqual({ protocol: 'http/protobuf', intervalMs: 5_000 });
});

test.each([
  ['OTEL_TRACES_EXPORTER', 'zipkin'],
  ['OTEL_EXPORTER_OTLP_PROTOCOL', 'grpc'],
  ['OTEL_TRACES_SAMPLER', 'sometimes'],
  ['OTEL_TRACES_SAMPLER_ARG', '2'],
  ['OTEL_BSP_MAX_QUEUE_SIZE', 'many'],
])('%s=%s is refused by name', (name, value) => {
  expect(() => readTelemetrySettings({ ...ENDPOINT, [name]: value })).toThrow(
    expect.objectContaining({ code: 'CONFIG_INVALID', message: expect.stringContaining(name) }),
  );
});
