import type { Logger } from './create-logger.ts';
import { counterOf } from './metrics/instruments.ts';
import { METRICS, NODE_METRICS, prometheusName, type MetricInfo } from './metrics/metric-table.ts';
import { threadMetricInfo } from './metrics/thread-metrics.ts';
import type { TelemetryOptions } from './telemetry-options.ts';
import { readTelemetrySettings } from './telemetry-settings.ts';
import type { Telemetry, Tracing } from './telemetry.ts';

/** How long the last spans may take to be sent, in milliseconds: the SDK alone waits about 9 s for a collector that isn't there. */
const SHUTDOWN_LIMIT_MS = 2_000;

/** Metrics that OTLP gets, by their names for Prometheus. */
const EXPORTED: ReadonlyMap<string, MetricInfo> = new Map<string, MetricInfo>([
  ...Object.values<MetricInfo>(METRICS).map((info): [string, MetricInfo] => [prometheusName(info), info]),
  ...Object.entries(NODE_METRICS),
]);

/**
 * Sets up tracing and the export of metrics as the `OTEL_*` variables say. Without an exporter nothing is loaded.
 *
 * @throws {TelemetrySettingsError} CONFIG_INVALID for a variable that can't be followed.
 */
export async function startTelemetry(options: TelemetryOptions): Promise<Telemetry> {
  const settings = readTelemetrySettings(options.env);
  const ends: (() => Promise<void>)[] = [];
  let tracing: Tracing | null = null;
  if (settings.traces !== null) {
    const { openTracing } = await import('./tracing/open-tracing.ts');
    const dropped = counterOf(options.metrics, 'droppedSpans');
    const opened = openTracing(settings.traces, options, (spans) => dropped.inc(spans));
    tracing = opened.tracing;
    ends.push(() => opened.shutdown());
  }
  if (settings.metrics !== null) {
    const { openMetricExport } = await import('./metrics/open-metric-export.ts');
    ends.push(
      openMetricExport(
        settings.metrics,
        options,
        options.metrics,
        (name) => EXPORTED.get(name) ?? threadMetricInfo(options.metrics, name),
      ),
    );
  }
  return { tracing, shutdown: () => withinLimit(ends, options.logger) };
}

async function withinLimit(ends: readonly (() => Promise<void>)[], logger: Logger): Promise<void> {
  if (ends.length === 0) return;
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<'late'>((resolve) => (timer = setTimeout(() => resolve('late'), SHUTDOWN_LIMIT_MS)));
  const outcome = await Promise.race([Promise.allSettled(ends.map((end) => end())), limit]);
  clearTimeout(timer);
  if (outcome === 'late') logger.warn('the last telemetry was not sent: the collector did not answer in time');
}
