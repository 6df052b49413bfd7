import { toErrorData, type ErrorData } from '@longshore/core';
import type { Logger } from '@longshore/telemetry';

/** Passes in a row that a task may fail before it is set aside: what passes by itself mostly has by then. */
const MOST_FAILURES = 5;
/** How long it is set aside first, in milliseconds; each further failure doubles that. */
const FIRST_MS = 1_000;
const LONGEST_MS = 60_000;

interface Failing {
  readonly count: number;
  /** Until when passes leave it alone, by the monotonic clock. */
  readonly until: number;
  readonly error: ErrorData;
}

/** A task that a pass could not move on. */
export interface FailedTask {
  readonly id: string;
  readonly error: unknown;
}

/**
 * Tasks that passes could not move on several times: something in them is not as it may be. They are looked at less and less often, so that they
 * cost the others no time and the log no lines, and say why.
 */
export class SetAsideTasks {
  readonly #logger: Pick<Logger, 'warn'>;
  readonly #now: () => number;
  readonly #failing = new Map<string, Failing>();

  /** @param now a monotonic clock, in milliseconds. */
  constructor(logger: Pick<Logger, 'warn'>, now: () => number) {
    this.#logger = logger;
    this.#now = now;
  }

  /** Tasks that the next pass leaves alone, with what went wrong last. */
  current(): ReadonlyMap<string, ErrorData> {
    const now = this.#now();
    const current = [...this.#failing].filter(([, { until }]) => until > now);
    return new Map(current.map(([id, { error }]) => [id, error]));
  }

  /**
   * Notes what has come of a pass.
   *
   * @param seen tasks that the pass had before it. Those that have not failed, and were not left alone, start anew.
   */
  note(failed: readonly FailedTask[], seen: Iterable<string>, leftAlone: ReadonlyMap<string, unknown>): void {
    const still = new Set([...failed.map(({ id }) => id), ...leftAlone.keys()]);
    const known = new Set(seen);
    for (const id of this.#failing.keys()) if (!still.has(id) || !known.has(id)) this.#failing.delete(id);
    for (const { id, error } of failed) this.#fail(id, toErrorData(error));
  }

  #fail(id: string, error: ErrorData): void {
    const count = (this.#failing.get(id)?.count ?? 0) + 1;
    const beyond = count - MOST_FAILURES;
    const forMs = beyond < 0 ? 0 : Math.min(LONGEST_MS, FIRST_MS * 2 ** beyond);
    this.#failing.set(id, { count, until: this.#now() + forMs, error });
    if (beyond === 0)
      this.#logger.warn({ error, task_id: id }, 'a task is set aside: it could not be moved on several times');
  }
}

/** Why a task that is set aside waits. The same words each time, so that a pass without news writes nothing. */
export function setAsideReason({ code, message }: ErrorData): { readonly code: string; readonly message: string } {
  return {
    code: 'SET_ASIDE',
    message: `the owner could not move it on, and tries again: ${code}: ${message.slice(0, 500)}`,
  };
}
