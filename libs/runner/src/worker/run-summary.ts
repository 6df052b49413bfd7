import { parseSummary, type Summary } from '@longshore/core';
import type { StepExecutor } from '@longshore/sdk';

/** The counters of one attempt, as its step executor tells them. */
export class RunSummary {
  /** What was told last. */
  current: Summary = {};
  readonly #subtaskId: string;
  readonly #onError: (error: unknown) => void;
  #executor: StepExecutor | null = null;
  #reported = '{}';
  #hasFailed = false;

  /** @param onError told of the first error of the type's hooks, which end nothing. */
  constructor(subtaskId: string, onError: (error: unknown) => void) {
    this.#subtaskId = subtaskId;
    this.#onError = onError;
  }

  /** The attempt begins: its counters start anew. */
  begin(executor: StepExecutor): void {
    this.#executor = executor;
    this.#try(() => executor.resetSummary?.(this.#subtaskId));
  }

  /** Asks for the counters. @returns whether they are others than the last time. */
  takeChange(): boolean {
    this.#try(() => (this.current = parseSummary(this.#executor?.realtimeSummary?.(this.#subtaskId))));
    const told = JSON.stringify(this.current);
    const isChanged = told !== this.#reported;
    this.#reported = told;
    return isChanged;
  }

  /** The attempt is over. @returns its last counters. */
  end(): Summary {
    this.takeChange();
    this.#try(() => this.#executor?.resetSummary?.(this.#subtaskId));
    return this.current;
  }

  #try(hook: () => unknown): void {
    try {
      hook();
    } catch (error) {
      if (!this.#hasFailed) this.#onError(error);
      this.#hasFailed = true;
    }
  }
}
