import { setTimeout as wait } from 'node:timers/promises';
import { toErrorData } from '@longshore/core';
import { gaugeOf, type Logger, type MetricsRegistry } from '@longshore/telemetry';

/** Something outside of this process that it needs. */
export interface Dependency {
  /** As a sentence begins with it: `the store`. */
  readonly name: string;
  /** What follows while it is away, for whoever reads the log. */
  readonly consequence: string;
  /** Its gauge: 1 while it is there. */
  readonly gauge: 'storeConnected' | 'natsConnected';
  /** Resolves if it answers. @throws why it doesn't. */
  readonly look: () => Promise<unknown>;
  /** Whether it is away from the start, and somebody has said so. Default false. */
  readonly isAway?: boolean;
}

export interface DependencyWatchOptions {
  readonly dependencies: readonly Dependency[];
  readonly logger: Pick<Logger, 'info' | 'warn'>;
  readonly metrics: MetricsRegistry;
  readonly signal: AbortSignal;
}

/** How often each is looked at, in milliseconds. One statement a second is nothing beside the work, and an outage is known within two. */
const EVERY_MS = 1_000;
/** After how long without an answer it counts as away, in milliseconds. */
const PATIENCE_MS = 5_000;

interface Outage {
  readonly reason: string;
  readonly since: Date;
  readonly begunAt: number;
}

/**
 * Knows which dependencies are away, and since when: for `/readyz`, for gauges, and in the log with one line for the loss and one for the
 * return. What hangs in an outage says nothing by itself.
 */
export class DependencyWatch {
  readonly #options: DependencyWatchOptions;
  readonly #outages = new Map<Dependency, Outage>();
  /** Resolves when the signal was aborted and the last look is over. */
  readonly done: Promise<unknown>;

  constructor(options: DependencyWatchOptions) {
    this.#options = options;
    for (const dependency of options.dependencies) {
      if (dependency.isAway === true) this.#outages.set(dependency, outage('not connected yet'));
      const gauge = gaugeOf(options.metrics, dependency.gauge, () => gauge.set(this.#outages.has(dependency) ? 0 : 1));
    }
    this.done = Promise.all(options.dependencies.map((dependency) => this.#watch(dependency)));
  }

  /** What is away, why and since when; null: nothing is. */
  get problem(): string | null {
    const parts = [...this.#outages].map(
      ([{ name }, { reason, since }]) => `${name} is away since ${since.toISOString()}: ${reason}`,
    );
    return parts.length === 0 ? null : parts.join('; ');
  }

  async #watch(dependency: Dependency): Promise<void> {
    const { signal } = this.#options;
    while (!signal.aborted) {
      const reason = await reasonOf(dependency, signal);
      if (isAborted(signal)) return;
      this.#note(dependency, reason);
      await wait(EVERY_MS, undefined, { signal }).catch(() => undefined);
    }
  }

  #note(dependency: Dependency, reason: string | null): void {
    const { logger } = this.#options;
    const { name, consequence } = dependency;
    const known = this.#outages.get(dependency);
    if (reason !== null) {
      if (known !== undefined) return;
      this.#outages.set(dependency, outage(reason));
      logger.warn({ reason }, `${name} is away: ${consequence}`);
    } else if (known !== undefined) {
      this.#outages.delete(dependency);
      const seconds = Math.round((performance.now() - known.begunAt) / 1_000);
      logger.info({ since: known.since.toISOString(), seconds }, `${name} is back after ${seconds} s`);
    }
  }
}

function outage(reason: string): Outage {
  return { reason, since: new Date(), begunAt: performance.now() };
}

/** Why it is away; null: it isn't. */
async function reasonOf({ look }: Dependency, signal: AbortSignal): Promise<string | null> {
  const over = new AbortController();
  const late = wait(PATIENCE_MS, undefined, { signal: AbortSignal.any([over.signal, signal]) }).then(
    () => `no answer for ${PATIENCE_MS / 1_000} s`,
    () => null,
  );
  const answered = look().then(
    () => null,
    (error: unknown) => toErrorData(error).message,
  );
  try {
    return await Promise.race([answered, late]);
  } finally {
    over.abort();
  }
}

/** Read through a call, because the compiler believes that `aborted` can't change within a function. */
function isAborted(signal: AbortSignal): boolean {
  return signal.aborted;
}
