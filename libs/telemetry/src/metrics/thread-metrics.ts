import { Counter, Gauge, Histogram, type Registry } from 'prom-client';
import type { Measurement } from './measurement.ts';
import { METRICS, prometheusName, type MetricInfo } from './metric-table.ts';

/** Names that are ours. */
const OWN_PREFIX = 'longshore.';
/** Metrics of ours that are measured in worker threads. */
const OWN_OF_THREADS: ReadonlySet<string> = new Set([METRICS.tickFailures.name]);

interface Instrument {
  readonly labels: readonly string[];
  readonly take: (labels: Record<string, string | number>, values: readonly number[]) => void;
}

/** What metrics of task types are called in OTLP, by registry and name for Prometheus. */
const infos = new WeakMap<Registry, Map<string, MetricInfo>>();

/** A metric of a task type, by its name for Prometheus. */
export function threadMetricInfo(registry: Registry, name: string): MetricInfo | undefined {
  return infos.get(registry)?.get(name);
}

/** Counts in this process what task types measure in its worker threads. */
export class ThreadMetrics {
  readonly #registry: Registry;
  readonly #onRefused: (name: string, why: string) => void;
  readonly #instruments = new Map<string, Instrument | null>();

  /** @param onRefused told once of a metric that can't be taken. */
  constructor(registry: Registry, onRefused: (name: string, why: string) => void) {
    this.#registry = registry;
    this.#onRefused = onRefused;
  }

  take(measurements: readonly Measurement[]): void {
    for (const measurement of measurements) {
      const instrument = this.#instrument(measurement);
      if (instrument === null) continue;
      // The attributes of the first measurement are the labels; a metric has no others later.
      const known = Object.entries(measurement.attributes).filter(([key]) => instrument.labels.includes(labelOf(key)));
      instrument.take(Object.fromEntries(known.map(([key, value]) => [labelOf(key), value])), measurement.values);
    }
  }

  #instrument(measurement: Measurement): Instrument | null {
    const key = `${measurement.kind} ${measurement.name}`;
    const known = this.#instruments.get(key);
    if (known !== undefined) return known;
    let made: Instrument | null = null;
    try {
      if (measurement.name.startsWith(OWN_PREFIX) && !OWN_OF_THREADS.has(measurement.name))
        throw new TypeError(`names that begin with ${OWN_PREFIX} are taken`);
      made = this.#make(measurement);
    } catch (error) {
      this.#onRefused(measurement.name, error instanceof Error ? error.message : String(error));
    }
    this.#instruments.set(key, made);
    return made;
  }

  /** @throws {Error} for a name that is taken or not allowed. */
  #make({ name, kind, unit, help, attributes }: Measurement): Instrument {
    const type = kind === 'up-down-counter' ? 'gauge' : kind;
    const labels = Object.keys(attributes).map(labelOf);
    const options = {
      name: prometheusName({ name, unit, type }),
      help: help === '' ? name : help,
      labelNames: labels,
      registers: [this.#registry],
    };
    const take = instrumentOf(kind, options);
    const ofRegistry = infos.get(this.#registry) ?? new Map<string, MetricInfo>();
    ofRegistry.set(options.name, { name, type, unit, help, by: 'executor', labels });
    infos.set(this.#registry, ofRegistry);
    return { labels, take };
  }
}

interface InstrumentOptions {
  readonly name: string;
  readonly help: string;
  readonly labelNames: string[];
  readonly registers: Registry[];
}

function instrumentOf(kind: Measurement['kind'], options: InstrumentOptions): Instrument['take'] {
  switch (kind) {
    case 'counter': {
      const counter = new Counter(options);
      return (labels, values) => values.forEach((value) => counter.inc(labels, value));
    }
    case 'up-down-counter': {
      const gauge = new Gauge(options);
      return (labels, values) => values.forEach((value) => gauge.inc(labels, value));
    }
    case 'gauge': {
      const gauge = new Gauge(options);
      return (labels, values) => values.forEach((value) => gauge.set(labels, value));
    }
    case 'histogram': {
      const histogram = new Histogram(options);
      return (labels, values) => values.forEach((value) => histogram.observe(labels, value));
    }
  }
}

/** An attribute's name as Prometheus takes it. */
function labelOf(attribute: string): string {
  return attribute.replaceAll(/[^a-zA-Z0-9_]/g, '_');
}
