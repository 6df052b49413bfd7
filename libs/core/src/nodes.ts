import type { NodeId } from './ids.ts';

/** `live` takes work, `draining` finishes or hands back what it has, `dead` has been fenced, `stopped` left by itself. */
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
  /** Slots that tasks may use on it, at least 1. */
  readonly slots: number;
  readonly types: readonly OfferedType[];
}

/** The scope that is kept free for background work. */
export const BACKGROUND_SCOPE = 'background';

/**
 * Nodes of a task's scope. An empty scope means the `background` nodes where there is any, otherwise the nodes without
 * a scope; any other scope is an exact match. (The published rule of the stepped design.)
 */
export function nodesInScope<N extends Pick<NodeInfo, 'scope'>>(nodes: readonly N[], scope: string): N[] {
  if (scope !== '') return nodes.filter((node) => node.scope === scope);
  const background = nodes.filter((node) => node.scope === BACKGROUND_SCOPE);
  return background.length > 0 ? background : nodes.filter((node) => node.scope === '');
}

/** Whether the node has loaded this version of the type. */
export function offersType(node: Pick<NodeInfo, 'types'>, type: string, version: string): boolean {
  return node.types.some((offered) => offered.type === type && offered.version === version);
}

/** Live nodes in the task's scope that have its type, in order of their ids; and why there is none. */
export function eligibleNodes(
  nodes: readonly NodeInfo[],
  task: { readonly scope: string; readonly type: string; readonly typeVersion: string },
): { readonly nodes: readonly NodeInfo[]; readonly none: WaitReason | null } {
  const live = nodes.filter((node) => node.state === NodeState.live);
  if (live.length === 0) return { nodes: [], none: { code: 'NO_LIVE_NODE', message: 'no executor is live' } };
  const inScope = nodesInScope(live, task.scope);
  if (inScope.length === 0) {
    const message = `no live node in scope ${JSON.stringify(task.scope)}; start an executor with that scope`;
    return { nodes: [], none: { code: 'NO_NODE_IN_SCOPE', message } };
  }
  const withType = inScope.filter((node) => offersType(node, task.type, task.typeVersion));
  if (withType.length === 0) {
    const message = `no live node offers ${task.type}@${task.typeVersion}; start an executor that loads its package`;
    return { nodes: [], none: { code: 'NO_NODE_WITH_TYPE', message } };
  }
  return { nodes: withType.toSorted((a, b) => (a.id < b.id ? -1 : 1)), none: null };
}

/** Why something waits, for a person to read and a program to match. */
export interface WaitReason {
  readonly code: 'NO_LIVE_NODE' | 'NO_NODE_IN_SCOPE' | 'NO_NODE_WITH_TYPE' | 'NO_SLOTS' | 'TASK_LIMIT';
  readonly message: string;
}
