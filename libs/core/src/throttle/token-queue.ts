import { THROTTLE_UNITS, type ThrottleLimits, type ThrottleUnit, type Tokens } from './throttle-budget.ts';

/** One subtask's wish for tokens. */
export interface TokenRequest {
  /** Whose: fairness is between owners. */
  readonly owner: string;
  readonly cost: Tokens;
}

/**
 * Requests of one node's subtasks for tokens of their task, in fair order: the subtask that has spent least is served first, regardless of the size
 * of the batches. A request waits until it can be served whole. Nobody overtakes it meanwhile, so large requests don't starve.
 */
export class TokenQueue<R extends TokenRequest> {
  #waiting: R[] = [];
  readonly #tokens = new Map<ThrottleUnit, number>();
  /** What each owner has spent, in seconds of the budget. */
  readonly #spent = new Map<string, number>();

  get waiting(): readonly R[] {
    return this.#waiting;
  }

  add(request: R): void {
    // A newcomer starts level with those who are here, or it would have all of them wait until it has caught up.
    const floor = Math.min(...this.#waiting.map((one) => this.#spent.get(one.owner) ?? 0), ...this.#spent.values());
    if (!this.#spent.has(request.owner)) this.#spent.set(request.owner, Number.isFinite(floor) ? floor : 0);
    this.#waiting.push(request);
  }

  /** Forgets an owner and what it asked for. */
  leave(owner: string): void {
    this.#waiting = this.#waiting.filter((one) => one.owner !== owner);
    this.#spent.delete(owner);
  }

  credit(tokens: Tokens): void {
    for (const unit of THROTTLE_UNITS) this.#tokens.set(unit, (this.#tokens.get(unit) ?? 0) + (tokens[unit] ?? 0));
  }

  /** Returns tokens that nobody waits for: they are valid for about a second. */
  expire(): void {
    if (this.#waiting.length === 0) this.#tokens.clear();
  }

  /** What is missing to serve all that may be served, by unit. */
  missing(limits: ThrottleLimits, mayServe: (request: R) => boolean = () => true): Tokens {
    const wanted = this.#waiting.filter(mayServe);
    return Object.fromEntries(
      THROTTLE_UNITS.filter((unit) => limits[unit] !== undefined)
        .map((unit) => {
          const cost = wanted.reduce((sum, one) => sum + (one.cost[unit] ?? 0), 0);
          return [unit, Math.max(0, cost - (this.#tokens.get(unit) ?? 0))] as const;
        })
        .filter(([, amount]) => amount > 0),
    );
  }

  /** Takes out what can be served now, in fair order. */
  serve(limits: ThrottleLimits, mayServe: (request: R) => boolean = () => true): readonly R[] {
    const served: R[] = [];
    for (;;) {
      const next = this.#waiting
        .filter(mayServe)
        .reduce<R | null>((first, one) => (first === null || this.#of(one) < this.#of(first) ? one : first), null);
      if (next === null || !this.#covers(next, limits)) return served;
      for (const unit of THROTTLE_UNITS) {
        if (limits[unit] === undefined) continue;
        this.#tokens.set(unit, (this.#tokens.get(unit) ?? 0) - (next.cost[unit] ?? 0));
      }
      const seconds = THROTTLE_UNITS.map((unit) => (next.cost[unit] ?? 0) / (limits[unit] ?? Number.POSITIVE_INFINITY));
      this.#spent.set(next.owner, this.#of(next) + Math.max(...seconds));
      this.#waiting.splice(this.#waiting.indexOf(next), 1);
      served.push(next);
    }
  }

  #of(request: R): number {
    return this.#spent.get(request.owner) ?? 0;
  }

  #covers(request: R, limits: ThrottleLimits): boolean {
    // A fraction of a token is lost in the arithmetic of leases; nobody should wait for it.
    return THROTTLE_UNITS.every(
      (unit) => limits[unit] === undefined || (request.cost[unit] ?? 0) <= (this.#tokens.get(unit) ?? 0) + 1e-6,
    );
  }
}
