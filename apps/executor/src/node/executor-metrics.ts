import type { Summary } from '@longshore/core';
import type { Settlement } from '@longshore/store';
import { counterOf, gaugeOf, histogramOf, type MetricsRegistry } from '@longshore/telemetry';
import type { Run } from '../running/run.ts';
import type { SlotLedger } from '../running/slot-ledger.ts';

/** What this node counts. A look-up and an addition per subtask, whether anybody reads it or not. */
export class ExecutorMetrics {
  readonly #durations: ReturnType<typeof histogramOf>;
  readonly #retries: ReturnType<typeof counterOf>;
  readonly #targetWaits: ReturnType<typeof counterOf>;
  readonly #lateWrites: ReturnType<typeof counterOf>;
  readonly #leaseLosses: ReturnType<typeof counterOf>;
  readonly #counters: ReturnType<typeof counterOf>;
  /** What was added of a run already. */
  readonly #counted = new WeakMap<Run, Summary>();
  /** The histogram's children by their labels: looking one up there costs more than counting. */
  readonly #children = new Map<string, ReturnType<ReturnType<typeof histogramOf>['labels']>>();

  constructor(registry: MetricsRegistry) {
    this.#durations = histogramOf(registry, 'subtaskDuration');
    this.#retries = counterOf(registry, 'subtaskRetries');
    this.#targetWaits = counterOf(registry, 'targetWaits');
    this.#lateWrites = counterOf(registry, 'lateWrites');
    this.#leaseLosses = counterOf(registry, 'leaseLosses');
    this.#counters = counterOf(registry, 'subtaskCounters');
    // There from the start: a counter that appears with its first loss has no rate.
    this.#leaseLosses.inc({ lease: 'node' }, 0);
  }

  /** Reads the slots whenever somebody asks. */
  watchSlots(registry: MetricsRegistry, slots: SlotLedger): void {
    const gauge = gaugeOf(registry, 'slots', () => {
      gauge.set({ state: 'used' }, slots.used);
      gauge.set({ state: 'free' }, slots.total - slots.used);
    });
  }

  /** An attempt's run is over after so many milliseconds; null: somebody else has it. */
  ended(type: string, kind: string, ranMs: number, settlement: Settlement | null): void {
    const outcome = settlement?.how ?? 'lost';
    const key = `${type}\n${kind}\n${outcome}`;
    let child = this.#children.get(key);
    if (child === undefined) {
      child = this.#durations.labels(type, kind, outcome);
      this.#children.set(key, child);
    }
    child.observe(ranMs / 1_000);
    if (outcome === 'retry') this.#retries.inc({ type });
    if (settlement?.how === 'postpone' && settlement.code === 'TARGET_UNAVAILABLE') this.#targetWaits.inc({ type });
  }

  /** A run has counted on: its step executor's summary. */
  counted(run: Run, type: string): void {
    const before = this.#counted.get(run) ?? {};
    this.#counted.set(run, run.summary);
    for (const [counter, count] of Object.entries(run.summary)) {
      const more = count - (before[counter] ?? 0);
      if (more > 0) this.#counters.inc({ type, step: run.claimed.step, counter }, more);
    }
  }

  refused(writes: number): void {
    if (writes > 0) this.#lateWrites.inc(writes);
  }

  leaseLost(): void {
    this.#leaseLosses.inc({ lease: 'node' });
  }
}
