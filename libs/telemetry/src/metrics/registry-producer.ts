import { ValueType, type Attributes, type HrTime } from '@opentelemetry/api';
import { hrTime } from '@opentelemetry/core';
import type { Resource } from '@opentelemetry/resources';
import {
  AggregationTemporality,
  DataPointType,
  type CollectionResult,
  type DataPoint,
  type Histogram,
  type MetricData,
  type MetricProducer,
} from '@opentelemetry/sdk-metrics';
import type { Registry } from 'prom-client';
import type { MetricInfo } from './metric-table.ts';

/** A value as the registry tells it: of a histogram one per bucket, and its sum and count, told apart by `metricName`. */
interface Sample {
  readonly value: number;
  readonly labels: Readonly<Record<string, string | number>>;
  readonly metricName?: string;
}

/**
 * What the registry of `/metrics` holds, for OTLP: everything is counted once, and leaves by two doors.
 *
 * @param infoOf what a metric of this name for Prometheus is called in OTLP; undefined: it is not exported there.
 */
export class RegistryProducer implements MetricProducer {
  readonly #registry: Registry;
  readonly #resource: Resource;
  readonly #infoOf: (prometheusName: string) => MetricInfo | undefined;
  readonly #startTime = hrTime();

  constructor(registry: Registry, resource: Resource, infoOf: (prometheusName: string) => MetricInfo | undefined) {
    this.#registry = registry;
    this.#resource = resource;
    this.#infoOf = infoOf;
  }

  async collect(): Promise<CollectionResult> {
    const now = hrTime();
    const found = await this.#registry.getMetricsAsJSON();
    const metrics = found.flatMap((metric): MetricData[] => {
      const info = this.#infoOf(metric.name);
      return info === undefined || metric.values.length === 0
        ? []
        : [this.#metricData(info, metric.values as Sample[], now)];
    });
    return {
      resourceMetrics: { resource: this.#resource, scopeMetrics: [{ scope: { name: 'longshore' }, metrics }] },
      errors: [],
    };
  }

  #metricData(info: MetricInfo, samples: readonly Sample[], endTime: HrTime): MetricData {
    const base = {
      descriptor: { name: info.name, description: info.help, unit: info.unit, valueType: ValueType.DOUBLE },
      aggregationTemporality: AggregationTemporality.CUMULATIVE,
    };
    const times = { startTime: this.#startTime, endTime };
    const dataPoints = (): DataPoint<number>[] =>
      samples.map(({ value, labels }) => ({ ...times, value, attributes: attributesOf(labels) }));
    switch (info.type) {
      case 'counter':
        return { ...base, dataPointType: DataPointType.SUM, isMonotonic: true, dataPoints: dataPoints() };
      case 'gauge':
        return { ...base, dataPointType: DataPointType.GAUGE, dataPoints: dataPoints() };
      case 'histogram':
        return {
          ...base,
          dataPointType: DataPointType.HISTOGRAM,
          dataPoints: [...Map.groupBy(samples, ({ labels }) => JSON.stringify(attributesOf(labels)))].map(
            ([key, group]) => ({ ...times, value: histogramOf(group), attributes: JSON.parse(key) as Attributes }),
          ),
        };
    }
  }
}

/** Labels but those of the format: the bucket's bound, and what the resource says already. */
function attributesOf(labels: Sample['labels']): Attributes {
  const { le: _le, service: _service, ...attributes } = labels;
  return attributes;
}

/** Prometheus counts all values up to a bound, OTLP those between two. */
function histogramOf(samples: readonly Sample[]): Histogram {
  const named = (suffix: string): readonly Sample[] =>
    samples.filter(({ metricName = '' }) => metricName.endsWith(suffix));
  const buckets = named('_bucket');
  return {
    buckets: {
      boundaries: buckets.map(({ labels }) => Number(labels['le'])).filter((bound) => Number.isFinite(bound)),
      counts: buckets.map(({ value }, index) => value - (buckets[index - 1]?.value ?? 0)),
    },
    sum: named('_sum')[0]?.value ?? 0,
    count: named('_count')[0]?.value ?? 0,
  };
}
