/** What a task's budget is counted in. */
export const THROTTLE_UNITS = ['rows', 'bytes', 'statements'] as const;
export type ThrottleUnit = (typeof THROTTLE_UNITS)[number];

/** Amounts by unit. */
export type Tokens = Readonly<Partial<Record<ThrottleUnit, number>>>;

/** A task's budget: how much of each unit it may spend per second, over all its nodes. An absent unit has no limit. */
export type ThrottleLimits = Tokens;

/** What one node asked for last. */
export interface TokenDemand {
  readonly wanted: number;
  readonly atMs: number;
}

/** The present state of a budget of one unit: data in one row, which every lease changes. */
export interface TokenBudget {
  readonly available: number;
  readonly atMs: number;
  /** By node. */
  readonly demands: Readonly<Record<string, TokenDemand>>;
}

/** After this time without a request a node counts as idle, in milliseconds: a waiting node asks at least once a second. */
const ACTIVE_MS = 2_000;
/** An idle budget saves up this much, in milliseconds: a burst of one second, as the budget is per second. */
const BURST_MS = 1_000;

/** A budget that was never used: a second's worth is there at once. */
export function fullBudget(perSecond: number, nowMs: number): TokenBudget {
  return { available: (perSecond * BURST_MS) / 1_000, atMs: nowMs, demands: {} };
}

/**
 * Leases tokens of a budget to a node, for about the next second. Nodes share it by need (max-min: a node that wants less than an
 * equal share gets it, and the others share the rest). So one node's many subtasks don't starve another's few, and a single node
 * gets all.
 *
 * Pure. Time comes from the budget's own clock; a clock that went back counts as standing still.
 *
 * @param perSecond the limit as it is now: a change takes effect with the next lease.
 * @param wanted what the node could spend now.
 */
export function leaseTokens(
  budget: TokenBudget,
  perSecond: number,
  node: string,
  wanted: number,
  nowMs: number,
): { readonly budget: TokenBudget; readonly granted: number } {
  const atMs = Math.max(nowMs, budget.atMs);
  const refill = (perSecond * (atMs - budget.atMs)) / 1_000;
  const available = Math.min((perSecond * BURST_MS) / 1_000, budget.available + refill);
  const others = Object.entries(budget.demands).filter(
    ([name, { atMs: at }]) => name !== node && atMs - at < ACTIVE_MS,
  );
  const before = budget.demands[node];
  const sinceMs = before === undefined ? BURST_MS : Math.min(BURST_MS, atMs - before.atMs);
  const share = fairShare(
    perSecond,
    wanted,
    others.map(([, demand]) => demand.wanted),
  );
  const granted = Math.max(0, Math.min(wanted, available, (share * sinceMs) / 1_000));
  return {
    budget: {
      available: available - granted,
      atMs,
      demands: { ...Object.fromEntries(others), [node]: { wanted, atMs } },
    },
    granted,
  };
}

/** What one of several gets of an amount, by max-min fairness. */
function fairShare(amount: number, wanted: number, others: readonly number[]): number {
  let left = amount;
  let takers = others.length + 1;
  for (const other of others.toSorted((a, b) => a - b)) {
    const equal = left / takers;
    // From here on all want more than an equal share.
    if (other >= equal || wanted <= equal) return equal;
    left -= other;
    takers -= 1;
  }
  return left;
}
