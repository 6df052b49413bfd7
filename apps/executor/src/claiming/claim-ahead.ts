/** How much measured work is claimed beyond what runs, in milliseconds: tiny subtasks get cheap, long ones are never hoarded. */
const AHEAD_MS = 1_000;
/** Claimed and not started, at most: what a crash may cost in attempts, and what one claim locks. */
const MOST_AHEAD = 2_000;
/** How much measured work is handed to a runner in one turn, in milliseconds: it makes a message cheap, and is soon over. */
const TURN_MS = 10;
/** The least that a subtask counts for, in milliseconds: the clock of a runner isn't finer. */
const LEAST_MS = 0.05;
/** How many times as many it may be with each claim, at most: a step of a thousand tiny ones is claimed in five. */
const GROWTH = 4;
/** Weight of the newest duration in the moving mean. */
const NEWEST = 0.2;

/**
 * How many subtasks of one task this node may claim ahead of its runner. Starts with none until something was measured,
 * then one, and at most four times as many with each claim up to about a second's work.
 */
export class ClaimAhead {
  #meanMs: number | null = null;
  #allowed = 0;

  /** Takes in how long a subtask ran, in milliseconds. */
  measured(durationMs: number): void {
    this.#meanMs = this.#meanMs === null ? durationMs : this.#meanMs * (1 - NEWEST) + durationMs * NEWEST;
  }

  /**
   * How many to claim ahead now.
   *
   * @param parallel how many of the task run at once here.
   */
  allow(parallel: number): number {
    if (this.#meanMs === null) return 0;
    const worth = Math.floor((AHEAD_MS * parallel) / Math.max(this.#meanMs, LEAST_MS));
    this.#allowed = Math.min(worth, MOST_AHEAD, Math.max(1, this.#allowed * GROWTH));
    return this.#allowed;
  }

  /** How many of these are left when it is time to claim again: a claim for each free place would be a claim per subtask. */
  get least(): number {
    return Math.floor(this.#allowed / 2);
  }

  /** How many to hand to a runner in one turn: one until something was measured. */
  get turn(): number {
    return this.#meanMs === null ? 1 : Math.max(1, Math.floor(TURN_MS / Math.max(this.#meanMs, LEAST_MS)));
  }
}
