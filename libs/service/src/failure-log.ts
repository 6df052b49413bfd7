import { toErrorData } from '@longshore/core';
import type { Logger } from '@longshore/telemetry';

export type FailureLogger = Pick<Logger, 'warn' | 'info' | 'debug'>;

/**
 * Says of something that is done again and again when it begins to fail and when it works again, however often it fails between: an outage is two
 * lines in the log. An error with another code is said too, and each other one at level `debug`.
 */
export class FailureLog {
  readonly #logger: FailureLogger;
  readonly #what: string;
  readonly #now: () => number;
  #failing: { readonly code: string; readonly since: number } | null = null;

  /**
   * @param what is done, such as `watching nodes`.
   * @param now a monotonic clock, in milliseconds. Default: the process's.
   */
  constructor(logger: FailureLogger, what: string, now = () => performance.now()) {
    this.#logger = logger;
    this.#what = what;
    this.#now = now;
  }

  /** @param fields what is said with it. */
  failed(error: unknown, fields: Readonly<Record<string, unknown>> = {}): void {
    const { code } = toErrorData(error);
    const isKnown = this.#failing?.code === code;
    this.#logger[isKnown ? 'debug' : 'warn']({ error, ...fields }, `${this.#what} failed; trying again`);
    if (isKnown) return;
    this.#failing = { code, since: this.#failing?.since ?? this.#now() };
  }

  worked(): void {
    if (this.#failing === null) return;
    const seconds = Math.round((this.#now() - this.#failing.since) / 1_000);
    this.#failing = null;
    this.#logger.info({ seconds }, `${this.#what} works again after ${seconds} s`);
  }
}
