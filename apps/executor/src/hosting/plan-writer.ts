import { LongshoreError, nodeOfOrdinal, nodesForPlan, type NodeId, type Placement } from '@longshore/core';
import type { PlanPage } from '@longshore/runner';
import {
  checkStepIsNew,
  clearAbandonedPlan,
  insertPlanPage,
  NO_NODE,
  type ClaimedSubtask,
  type NodeIdentity,
  type PlannedRow,
  type Store,
} from '@longshore/store';
import type { Candidates } from '../claiming/candidates.ts';

/** Writes the rows of one plan attempt, spread over the nodes that the task had when the attempt began, or those that its type allows. */
export class PlanWriter {
  readonly #store: Store;
  readonly #identity: NodeIdentity;
  readonly #claimed: ClaimedSubtask;
  #nodes: readonly NodeId[];
  #ordinal = 0;

  constructor(store: Store, identity: NodeIdentity, claimed: ClaimedSubtask, nodes: readonly NodeId[]) {
    this.#store = store;
    this.#identity = identity;
    this.#claimed = claimed;
    this.#nodes = nodes;
  }

  /** Clears what earlier attempts left. @throws {LongshoreError} PLAN_INVALID or STATE_CONFLICT. */
  async begin(step: string): Promise<void> {
    // The first step of a task can't have run before.
    if (this.#claimed.step !== '') await checkStepIsNew(this.#store.db, this.#claimed.taskId, step);
    // Nothing can be left of attempts that there never were.
    if (this.#claimed.attempt === 1) return;
    if (!(await clearAbandonedPlan(this.#store.db, this.#identity, this.#hold(step)))) throw this.#refused();
  }

  /**
   * Spreads what is written from now on over the nodes that the type allows.
   *
   * @returns how many there are, at least 1: where there is none, the rows wait for one.
   */
  place(placement: Placement, candidates: Candidates['nodes']): number {
    this.#nodes = nodesForPlan(placement, candidates, this.#nodes);
    return Math.max(1, this.#nodes.length);
  }

  /** Writes a page. @throws {LongshoreError} STATE_CONFLICT when the plan isn't wanted any more. */
  async write(page: PlanPage): Promise<void> {
    const rows = this.rowsOf(page);
    if (!(await insertPlanPage(this.#store.db, this.#identity, this.#hold(page.step), rows))) throw this.#refused();
    this.#ordinal += rows.length;
  }

  /** The rows of the page that follows what is written. */
  rowsOf(page: PlanPage): readonly PlannedRow[] {
    return page.subtasks.map((subtask, index) => {
      const ordinal = this.#ordinal + index + 1;
      const execId = this.#nodes.length === 0 ? NO_NODE : nodeOfOrdinal(ordinal, this.#nodes);
      return { ordinal, execId, isIdempotent: subtask.isIdempotent, meta: subtask.meta };
    });
  }

  #hold(step: string): { id: string; attempt: number; taskId: string; step: string } {
    return { id: this.#claimed.id, attempt: this.#claimed.attempt, taskId: this.#claimed.taskId, step };
  }

  #refused(): LongshoreError {
    return new LongshoreError('STATE_CONFLICT', `task ${this.#claimed.taskId} no longer wants this plan`);
  }
}
