import { eligibleNodes, type NodeId, type SubtaskKind } from '@longshore/core';
import type { Runner } from '@longshore/runner';
import type { CandidateNode } from '@longshore/sdk';
import { membershipOf, readPresentNodes, type Db, type TaskForRunner } from '@longshore/store';

/** The nodes that a task could use. */
export interface Candidates {
  readonly nodes: readonly (CandidateNode & { readonly id: NodeId })[];
  /** Names them, to see later whether they are others. */
  readonly membership: string;
}

/**
 * Reads the nodes that a task could use now, for a subtask that plans or places a step. An earlier answer of its type doesn't narrow them
 * down. Null: the subtask does neither, or the type has no say in where its steps run.
 */
export async function candidatesFor(
  db: Db,
  kind: SubtaskKind,
  { task, runner }: { readonly task: TaskForRunner; readonly runner: Pick<Runner, 'type'> },
): Promise<Candidates | null> {
  if ((kind !== 'plan' && kind !== 'place') || !runner.type.hooks.includes('eligibleNodes')) return null;
  // Named one by one: a task has more fields, and none of them may narrow this down.
  const { scope, type, typeVersion, selectors } = task;
  const { nodes } = eligibleNodes(await readPresentNodes(db), { scope, type, typeVersion, selectors });
  return { nodes: nodes.map(({ id, labels, host }) => ({ id, labels, host })), membership: membershipOf(nodes) };
}
