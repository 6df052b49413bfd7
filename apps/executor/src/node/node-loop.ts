import type { Effect } from './effects.ts';
import type { NodeEvent } from './events.ts';
import type { NodeState } from './node-state.ts';
import { reduce } from './reduce.ts';

/**
 * Takes in events one after the other. Each changes the state, and its effects are carried out before the next event. An event that comes
 * meanwhile waits for its turn.
 */
export class NodeLoop {
  readonly state: NodeState;
  readonly #carryOut: (effect: Effect) => void;
  readonly #onError: (error: unknown, what: string) => void;
  readonly #waiting: NodeEvent[] = [];
  #isTaking = false;

  /** @param onError told of what must not happen: an event, or an effect, that throws. The others go on. */
  constructor(state: NodeState, carryOut: (effect: Effect) => void, onError: (error: unknown, what: string) => void) {
    this.state = state;
    this.#carryOut = carryOut;
    this.#onError = onError;
  }

  readonly tell = (event: NodeEvent): void => {
    this.#waiting.push(event);
    if (this.#isTaking) return;
    this.#isTaking = true;
    try {
      for (let next = this.#waiting.shift(); next !== undefined; next = this.#waiting.shift()) this.#take(next);
    } finally {
      this.#isTaking = false;
    }
  };

  #take(event: NodeEvent): void {
    let effects: readonly Effect[];
    try {
      effects = reduce(this.state, event);
    } catch (error) {
      this.#onError(error, event.kind);
      return;
    }
    for (const effect of effects) {
      try {
        this.#carryOut(effect);
      } catch (error) {
        this.#onError(error, effect.do);
      }
    }
  }
}
