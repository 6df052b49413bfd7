/** What a batch costs. What is left out costs nothing. */
export interface ThrottleCost {
  readonly rows?: number;
  readonly bytes?: number;
  /** Statements that the target has to carry out. */
  readonly statements?: number;
}

/**
 * How a task goes gently: its budget per second, which all of its subtasks share, and its health gates. Both are set at submit;
 * without them nothing here waits. What a subtask waits for is shown as its waiting reason.
 */
export interface Throttle {
  /**
   * Before a batch: waits until the task's gates are open and the budget has what the batch costs. A batch may cost more than a
   * second's budget; it then waits for as many seconds. A gate that can't be read, or wasn't for a while, holds.
   *
   * @throws the reason of the context's signal once it is aborted.
   */
  readonly beforeBatch: (cost: ThrottleCost) => Promise<void>;
  /**
   * Within a batch, such as between two pieces of a COPY: waits for the budget alone. Gates let running batches end, so that no
   * transaction stays open for as long as a replica lags.
   *
   * @throws the reason of the context's signal once it is aborted.
   */
  readonly spend: (cost: ThrottleCost) => Promise<void>;
}
