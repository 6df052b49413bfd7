import type { Effect } from '../node/effects.ts';
import type { NodeEvent } from '../node/events.ts';
import type { NodeState, UnknownSearch } from '../node/node-state.ts';
import { takeClaimed } from './take-claimed.ts';
import type { Claim } from './claim.ts';
import type { Opened } from './opening.ts';

/** A claim of the loop is answered. */
export function claimAnswered(
  state: NodeState,
  { claim, rows, identity, at }: Extract<NodeEvent, { readonly kind: 'claimed' }>,
  then: Opened,
  effects: Effect[],
): void {
  for (const lease of claim.leases) lease.release();
  for (const { taskId, limit } of claim.requests) {
    const local = state.tasks.get(taskId);
    if (local !== undefined) local.mayHaveMore = rows.filter((one) => one.taskId === taskId).length >= limit;
  }
  takeClaimed(state, rows, identity, then, at, effects);
  claimOver(state, claim, effects);
  effects.push({ do: 'claiming-over', claimed: rows.length, error: null });
}

/** A claim of the loop came to nothing, or nobody knows what it came to. */
export function claimFailed(state: NodeState, claim: Claim, error: unknown, effects: Effect[]): void {
  for (const lease of claim.leases) lease.release();
  claimOver(state, claim, effects);
  effects.push({ do: 'claiming-over', claimed: 0, error });
}

/** What a claim has brought is known here, or never will be: searches for unknown rows need not wait for it any more. */
export function claimOver(state: NodeState, claim: Claim, effects: Effect[]): void {
  state.claims.delete(claim);
  for (const search of state.searches) {
    search.waitsFor.delete(claim);
    conclude(state, search, effects);
  }
}

/**
 * Rows were found that the store shows as this node's and that the node did not know. A claim may have brought them whose answer is still
 * on its way. Each such claim has begun by now, so the search waits for all claims that are under way. What is unknown after that may be
 * freed.
 */
export function unknownFound(
  state: NodeState,
  { found, answer }: Extract<NodeEvent, { readonly kind: 'unknown-found' }>,
  effects: Effect[],
): void {
  const search: UnknownSearch = { found, waitsFor: new Set(state.claims), answer };
  state.searches.add(search);
  conclude(state, search, effects);
}

function conclude(state: NodeState, search: UnknownSearch, effects: Effect[]): void {
  if (search.waitsFor.size > 0) return;
  state.searches.delete(search);
  const known = state.runs.known();
  const unknown = search.found.filter((one) => !known.has(one.id));
  effects.push({ do: 'free-unknown', unknown, answer: search.answer });
}
