import type {
  Attributes,
  BatchObservableCallback,
  Counter,
  Gauge,
  Histogram,
  Meter,
  MetricOptions,
  Observable,
  ObservableCallback,
  UpDownCounter,
} from '@opentelemetry/api';
import type { Measurement } from '../metrics/measurement.ts';

type Kind = Measurement['kind'];
type Record1 = (value: number, attributes?: Attributes) => void;

/** Values of a histogram that are kept until they are told, at most; beyond it some are left out. */
const MOST_VALUES = 1_000;
/** Instruments times sets of attributes, at most: attributes with many values would fill the memory here and at the collector. */
const MOST_SERIES = 1_000;

/**
 * The meter that a hook gets. Adds up in this thread what is measured, for the process to count, so that it leaves by both doors:
 * `/metrics` and OTLP. No SDK is needed for it.
 */
export class ThreadMeter implements Meter {
  readonly #series = new Map<string, Measurement & { readonly values: number[] }>();
  readonly #observers = new Map<object, Set<ObservableCallback>>();
  readonly #observed = new Map<string, number>();
  readonly #recorders = new Map<object, { readonly kind: Kind; readonly isTotal: boolean; readonly record: Record1 }>();
  readonly #batches = new Map<BatchObservableCallback, Set<object>>();

  createCounter(name: string, options?: MetricOptions): Counter {
    const add = this.#recorder('counter', name, options);
    return { add: (value, attributes) => value >= 0 && add(value, attributes) };
  }

  createUpDownCounter(name: string, options?: MetricOptions): UpDownCounter {
    return { add: this.#recorder('up-down-counter', name, options) };
  }

  createGauge(name: string, options?: MetricOptions): Gauge {
    return { record: this.#recorder('gauge', name, options) };
  }

  createHistogram(name: string, options?: MetricOptions): Histogram {
    return { record: this.#recorder('histogram', name, options) };
  }

  createObservableGauge(name: string, options?: MetricOptions): Observable {
    return this.#observable('gauge', false, name, options);
  }

  createObservableCounter(name: string, options?: MetricOptions): Observable {
    return this.#observable('counter', true, name, options);
  }

  createObservableUpDownCounter(name: string, options?: MetricOptions): Observable {
    return this.#observable('gauge', false, name, options);
  }

  addBatchObservableCallback(callback: BatchObservableCallback, observables: Observable[]): void {
    this.#batches.set(callback, new Set(observables));
  }

  removeBatchObservableCallback(callback: BatchObservableCallback): void {
    this.#batches.delete(callback);
  }

  /** Everything since the last call. Asks the observers. */
  async take(): Promise<readonly Measurement[]> {
    await this.#observe();
    const taken = [...this.#series.values()];
    this.#series.clear();
    return taken;
  }

  #recorder(kind: Kind, name: string, { unit = '', description = '' }: MetricOptions = {}): Record1 {
    return (value, attributes = {}) => {
      if (!Number.isFinite(value)) return;
      const key = `${kind} ${name} ${JSON.stringify(attributes)}`;
      let series = this.#series.get(key);
      if (series === undefined) {
        if (this.#series.size >= MOST_SERIES) return;
        series = { name, kind, unit, help: description, attributes: plain(attributes), values: [] };
        this.#series.set(key, series);
      }
      const { values } = series;
      if (kind === 'histogram') {
        if (values.length < MOST_VALUES) values.push(value);
      } else values[0] = kind === 'gauge' ? value : (values[0] ?? 0) + value;
    };
  }

  #observable(kind: Kind, isTotal: boolean, name: string, options?: MetricOptions): Observable {
    const callbacks = new Set<ObservableCallback>();
    const observable: Observable = {
      addCallback: (callback) => void callbacks.add(callback),
      removeCallback: (callback) => void callbacks.delete(callback),
    };
    this.#observers.set(observable, callbacks);
    const record = this.#recorder(kind, name, options);
    this.#recorders.set(observable, { kind, isTotal, record: isTotal ? this.#increase(name, record) : record });
    return observable;
  }

  /** An observed total as what it rose by. */
  #increase(name: string, record: Record1): Record1 {
    return (total, attributes = {}) => {
      const key = `${name} ${JSON.stringify(attributes)}`;
      const rise = total - (this.#observed.get(key) ?? 0);
      this.#observed.set(key, total);
      if (rise > 0) record(rise, attributes);
    };
  }

  async #observe(): Promise<void> {
    for (const [observable, callbacks] of this.#observers) {
      for (const callback of callbacks) {
        await callback({ observe: (value, attributes) => this.#recorders.get(observable)?.record(value, attributes) });
      }
    }
    for (const [callback, observables] of this.#batches) {
      await callback({
        observe: (observable, value, attributes) => {
          if (observables.has(observable)) this.#recorders.get(observable)?.record(value, attributes);
        },
      });
    }
  }
}

function plain(attributes: Attributes): Record<string, string | number> {
  return Object.fromEntries(
    Object.entries(attributes).map(([key, value]) => [key, typeof value === 'number' ? value : String(value)]),
  );
}
