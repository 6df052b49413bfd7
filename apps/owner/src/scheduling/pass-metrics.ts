import { TaskState } from '@longshore/core';
import type { QueuedTasks } from '@longshore/store';
import { gaugeOf, type MetricsRegistry } from '@longshore/telemetry';
import type { RoundResult } from './scheduling-round.ts';

type Seen = Pick<RoundResult, 'tasks' | 'nodes'> & {
  /** Nodes that are gone, by state: no pass looks at them. Default: none. */
  readonly goneNodes?: ReadonlyMap<string, number>;
  /** Tasks that wait behind the heads of their queues, as counted last. Default: none. */
  readonly queued?: readonly QueuedTasks[];
};

/** What the leading owner's pass saw, as gauges. States, types and reasons without any vanish. */
export class PassMetrics {
  readonly #tasks: ReturnType<typeof gaugeOf>;
  readonly #nodes: ReturnType<typeof gaugeOf>;
  readonly #waiting: ReturnType<typeof gaugeOf>;
  readonly #longest: ReturnType<typeof gaugeOf>;
  readonly #oldest: ReturnType<typeof gaugeOf>;

  constructor(registry: MetricsRegistry) {
    this.#tasks = gaugeOf(registry, 'tasks');
    this.#nodes = gaugeOf(registry, 'nodes');
    this.#waiting = gaugeOf(registry, 'waitingTasks');
    this.#longest = gaugeOf(registry, 'longestWait');
    this.#oldest = gaugeOf(registry, 'oldestPending');
  }

  /** @param nowMs the time of day, in milliseconds: ages are of stored times, and as right as this host's clock. */
  show({ tasks, nodes, goneNodes = new Map(), queued = [] }: Seen, nowMs = Date.now()): void {
    this.reset();
    const firstWaits = new Map<string, number>();
    let oldestMs = nowMs;
    for (const { state, type, waiting, createdAtMs } of tasks) {
      this.#tasks.inc({ state, type });
      if (state === TaskState.pending) oldestMs = Math.min(oldestMs, createdAtMs);
      if (waiting === null) continue;
      this.#waiting.inc({ reason: waiting.code });
      const since = Date.parse(waiting.since);
      firstWaits.set(waiting.code, Math.min(firstWaits.get(waiting.code) ?? nowMs, since));
    }
    for (const { type, code: reason, tasks: count, sinceMs, oldestMs: submittedMs } of queued) {
      this.#tasks.inc({ state: TaskState.pending, type }, count);
      this.#waiting.inc({ reason }, count);
      firstWaits.set(reason, Math.min(firstWaits.get(reason) ?? nowMs, sinceMs));
      oldestMs = Math.min(oldestMs, submittedMs);
    }
    for (const [reason, since] of firstWaits) this.#longest.set({ reason }, (nowMs - since) / 1_000);
    for (const { state } of nodes) this.#nodes.inc({ state });
    for (const [state, count] of goneNodes) this.#nodes.inc({ state }, count);
    this.#oldest.set((nowMs - oldestMs) / 1_000);
  }

  /** This process leads no more: another one counts now. */
  reset(): void {
    for (const gauge of [this.#tasks, this.#nodes, this.#waiting, this.#longest]) gauge.reset();
    this.#oldest.set(0);
  }
}
