import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import { METRICS, prometheusName, type MetricInfo } from './metric-table.ts';

type Named<T extends MetricInfo['type']> = {
  [K in keyof typeof METRICS]: (typeof METRICS)[K]['type'] extends T ? K : never;
}[keyof typeof METRICS];

/** A counter of the table. The same one for the same registry, however often it is asked for. */
export function counterOf(registry: Registry, key: Named<'counter'>): Counter {
  const { name, known } = find(registry, METRICS[key]);
  const { help, labels } = METRICS[key];
  return (known as Counter | undefined) ?? new Counter({ name, help, labelNames: [...labels], registers: [registry] });
}

/**
 * A gauge of the table.
 *
 * @param collect sets it whenever somebody asks.
 */
export function gaugeOf(registry: Registry, key: Named<'gauge'>, collect?: () => void): Gauge {
  const { name, known } = find(registry, METRICS[key]);
  const { help, labels } = METRICS[key];
  return (
    (known as Gauge | undefined) ??
    new Gauge({
      name,
      help,
      labelNames: [...labels],
      registers: [registry],
      ...(collect === undefined ? {} : { collect }),
    })
  );
}

/** A histogram of the table. */
export function histogramOf(registry: Registry, key: Named<'histogram'>): Histogram {
  const { name, known } = find(registry, METRICS[key]);
  const { help, labels, buckets } = METRICS[key];
  const options = { name, help, labelNames: [...labels], buckets: [...buckets], registers: [registry] };
  return (known as Histogram | undefined) ?? new Histogram(options);
}

function find(registry: Registry, info: MetricInfo): { readonly name: string; readonly known: unknown } {
  const name = prometheusName(info);
  return { name, known: registry.getSingleMetric(name) };
}
