import type { NodeId } from '../data/ids.ts';
import {
  fitsPlacement,
  fitsSelectors,
  selectorText,
  type LabelSelector,
  type NodeLabels,
  type Placement,
} from './label-selectors.ts';
import { compareTypeVersions, isCompatibleVersion } from './type-version.ts';

/** `live` claims work, `draining` ends or hands back what it has, `dead` was declared dead, `stopped` left by itself. */
export const NodeState = { live: 'live', draining: 'draining', dead: 'dead', stopped: 'stopped' } as const;
export type NodeState = (typeof NodeState)[keyof typeof NodeState];

/** A task type that a node has loaded. */
export interface OfferedType {
  readonly type: string;
  readonly version: string;
}

/** What scheduling needs to know of a node. */
export interface NodeInfo {
  readonly id: NodeId;
  readonly state: string;
  /** Service scope, '' by default. */
  readonly scope: string;
  readonly labels: NodeLabels;
  /** Slots that tasks may use on it, at least 1. */
  readonly slots: number;
  readonly types: readonly OfferedType[];
}

/** The scope that is kept free for background work. */
const BACKGROUND_SCOPE = 'background';

/**
 * Nodes of a task's scope. An empty scope means the `background` nodes where there is any, otherwise the nodes without
 * a scope; any other scope is an exact match. (The published rule of the stepped design.)
 */
export function nodesInScope<N extends Pick<NodeInfo, 'scope'>>(nodes: readonly N[], scope: string): N[] {
  if (scope !== '') return nodes.filter((node) => node.scope === scope);
  const background = nodes.filter((node) => node.scope === BACKGROUND_SCOPE);
  return background.length > 0 ? background : nodes.filter((node) => node.scope === '');
}

/** Whether the node has loaded a version of the type that can run tasks of this one. */
export function offersType(node: Pick<NodeInfo, 'types'>, type: string, version: string): boolean {
  return node.types.some((offered) => offered.type === type && isCompatibleVersion(version, offered.version));
}

/** What decides where a task may run. */
export interface PlacedTask {
  readonly scope: string;
  readonly type: string;
  readonly typeVersion: string;
  /** Its label selectors; null: none. */
  readonly selectors?: readonly LabelSelector[] | null;
  /** What its type said of the current step; null: nothing. Leave it out for control subtasks: they run wherever the task may. */
  readonly placement?: Placement | null;
}

/** Nodes, or why there is none. */
export interface EligibleNodes<N> {
  readonly nodes: readonly N[];
  readonly none: WaitReason | null;
}

/**
 * Live nodes in the task's scope that fit its selectors, have its type, and fit what the type said of its current step, in order of
 * their ids; and why there is none. The scope comes first: selectors pick among its nodes.
 */
export function eligibleNodes<N extends NodeInfo>(nodes: readonly N[], task: PlacedTask): EligibleNodes<N> {
  const none = (code: WaitReason['code'], message: string): EligibleNodes<N> => ({
    nodes: [],
    none: { code, message },
  });
  const live = nodes.filter((node) => node.state === NodeState.live);
  if (live.length === 0) return none('NO_LIVE_NODE', 'no executor is live');
  const inScope = nodesInScope(live, task.scope);
  if (inScope.length === 0) {
    return none(
      'NO_NODE_IN_SCOPE',
      `no live node is in scope ${JSON.stringify(task.scope)}; start an executor with that scope`,
    );
  }
  const selectors = task.selectors ?? [];
  const selected = inScope.filter((node) => fitsSelectors(node.labels, selectors));
  if (selected.length === 0) return none('NO_NODE_FITS', noneFits(inScope, selectors));
  const withType = selected.filter((node) => offersType(node, task.type, task.typeVersion));
  if (withType.length === 0) return none('NO_NODE_WITH_TYPE', noneOffers(selected, task));
  const { placement } = task;
  const placed = placement == null ? withType : withType.filter((node) => fitsPlacement(node, placement));
  if (placed.length === 0) {
    return none(
      'NO_NODE_FITS',
      `${task.type} allows the current step on none of the ${withType.length} live nodes that have it loaded`,
    );
  }
  return { nodes: placed.toSorted((a, b) => (a.id < b.id ? -1 : 1)), none: null };
}

/** Names the selector that no node is left for. */
function noneFits(nodes: readonly Pick<NodeInfo, 'labels'>[], selectors: readonly LabelSelector[]): string {
  const index = selectors.findIndex(
    (_, last) => !nodes.some((node) => fitsSelectors(node.labels, selectors.slice(0, last + 1))),
  );
  const [selector] = selectors.slice(index);
  const text = selector === undefined ? '' : selectorText(selector);
  const others = index > 0 ? ' together with the selectors before it' : '';
  return `no live node fits the selector ${JSON.stringify(text)}${others}; start an executor with such labels, or change the selectors`;
}

/** Names the versions of the type that are offered instead. */
function noneOffers(nodes: readonly Pick<NodeInfo, 'types'>[], { type, typeVersion }: PlacedTask): string {
  const offered = new Set(
    nodes.flatMap((node) => node.types.filter((one) => one.type === type).map((one) => one.version)),
  );
  const versions = [...offered].toSorted(compareTypeVersions);
  const instead = versions.length === 0 ? '' : ` (offered: ${versions.join(', ')})`;
  return `no live node offers ${type}@${typeVersion} or a compatible version${instead}; start an executor that loads its package`;
}

/** Why something waits, for a person to read and a program to match. */
export interface WaitReason {
  readonly code:
    'NO_LIVE_NODE' | 'NO_NODE_IN_SCOPE' | 'NO_NODE_FITS' | 'NO_NODE_WITH_TYPE' | 'NO_SLOTS' | 'NO_PLACE' | 'TASK_LIMIT';
  readonly message: string;
}
