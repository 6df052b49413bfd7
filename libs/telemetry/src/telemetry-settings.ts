/** How spans and metrics leave this process, by the standard `OTEL_*` variables. Null: that signal is off. */
export interface TelemetrySettings {
  readonly traces: TraceSettings | null;
  readonly metrics: MetricSettings | null;
}

/** Encodings of OTLP over HTTP. */
export type OtlpProtocol = 'http/json' | 'http/protobuf';

export interface TraceSettings {
  readonly protocol: OtlpProtocol;
  readonly sampler: SamplerName;
  /** Share of traces for the ratio samplers, 0 to 1. Default 1. */
  readonly ratio: number;
  /** Spans that wait for export, at most. Default 16,384: about 20 MB. */
  readonly maxQueueSize: number;
  /** Spans of one request. Default 512. */
  readonly maxBatchSize: number;
  /** How long a span waits for others to be sent with, in milliseconds. Default 200: what a `kill -9` loses. */
  readonly scheduleDelayMs: number;
}

export interface MetricSettings {
  readonly protocol: OtlpProtocol;
  /** How often metrics are sent, in milliseconds. Default 60,000. */
  readonly intervalMs: number;
}

export const SAMPLERS = [
  'always_on',
  'always_off',
  'traceidratio',
  'parentbased_always_on',
  'parentbased_always_off',
  'parentbased_traceidratio',
] as const;
export type SamplerName = (typeof SAMPLERS)[number];

type Environment = Readonly<Record<string, string | undefined>>;

/** A variable that can't be followed. Carries the code of every wrong setting. */
export class TelemetrySettingsError extends Error {
  override readonly name = 'TelemetrySettingsError';
  readonly code = 'CONFIG_INVALID';
  readonly permanent = true;
}

/**
 * Reads the standard variables. Unlike the standard's default, nothing is sent unless an endpoint or an exporter is named: a cluster
 * without a collector should not look for one.
 *
 * @throws {TelemetrySettingsError} for an exporter, protocol, sampler or number that is not understood.
 */
export function readTelemetrySettings(env: Environment): TelemetrySettings {
  if (env['OTEL_SDK_DISABLED']?.toLowerCase() === 'true') return { traces: null, metrics: null };
  return {
    traces: isExported(env, 'TRACES') ? traceSettings(env) : null,
    metrics: isExported(env, 'METRICS') ? metricSettings(env) : null,
  };
}

function isExported(env: Environment, signal: 'TRACES' | 'METRICS'): boolean {
  const exporter = env[`OTEL_${signal}_EXPORTER`] ?? '';
  const endpoint = env[`OTEL_EXPORTER_OTLP_${signal}_ENDPOINT`] ?? env['OTEL_EXPORTER_OTLP_ENDPOINT'] ?? '';
  if (exporter === '') return endpoint !== '';
  // Every service serves its metrics for Prometheus anyway.
  if (exporter === 'none' || (exporter === 'prometheus' && signal === 'METRICS')) return false;
  if (exporter === 'otlp') return true;
  throw new TelemetrySettingsError(`OTEL_${signal}_EXPORTER must be otlp or none (got ${JSON.stringify(exporter)})`);
}

function traceSettings(env: Environment): TraceSettings {
  const sampler = oneOf(env, 'OTEL_TRACES_SAMPLER', SAMPLERS, 'parentbased_always_on');
  const maxQueueSize = number(env, 'OTEL_BSP_MAX_QUEUE_SIZE', 16_384, 1);
  return {
    protocol: protocolOf(env, 'TRACES'),
    sampler,
    ratio: number(env, 'OTEL_TRACES_SAMPLER_ARG', 1, 0, 1),
    maxQueueSize,
    maxBatchSize: Math.min(maxQueueSize, number(env, 'OTEL_BSP_MAX_EXPORT_BATCH_SIZE', 512, 1)),
    scheduleDelayMs: number(env, 'OTEL_BSP_SCHEDULE_DELAY', 200, 0),
  };
}

function metricSettings(env: Environment): MetricSettings {
  return {
    protocol: protocolOf(env, 'METRICS'),
    intervalMs: number(env, 'OTEL_METRIC_EXPORT_INTERVAL', 60_000, 1),
  };
}

function protocolOf(env: Environment, signal: 'TRACES' | 'METRICS'): OtlpProtocol {
  const specific = `OTEL_EXPORTER_OTLP_${signal}_PROTOCOL`;
  const name = (env[specific] ?? '') === '' ? 'OTEL_EXPORTER_OTLP_PROTOCOL' : specific;
  return oneOf(env, name, ['http/json', 'http/protobuf'], 'http/protobuf');
}

function oneOf<T extends string>(env: Environment, name: string, words: readonly T[], fallback: T): T {
  const text = env[name] ?? '';
  if (text === '') return fallback;
  const word = words.find((candidate) => candidate === text);
  if (word !== undefined) return word;
  throw new TelemetrySettingsError(`${name} must be one of ${words.join(', ')} (got ${JSON.stringify(text)})`);
}

function number(env: Environment, name: string, fallback: number, min: number, max = Number.MAX_SAFE_INTEGER): number {
  const text = env[name] ?? '';
  if (text === '') return fallback;
  const value = Number(text);
  if (Number.isFinite(value) && value >= min && value <= max) return value;
  throw new TelemetrySettingsError(`${name} must be a number between ${min} and ${max} (got ${JSON.stringify(text)})`);
}
