/** What a batch costs. Absent units cost nothing. */
export interface ThrottleCost {
  readonly rows?: number;
  readonly bytes?: number;
  /** Statements for the target. */
  readonly statements?: number;
}

/**
 * How a task goes gently: its budget per second, which all its subtasks share, and its health gates. A submit sets both;
 * without them nothing here waits. A waiting subtask shows its waiting reason.
 */
export interface Throttle {
  /**
   * Call it before a batch. It waits until the task's gates are open and the budget covers the batch. A batch that costs more than a
   * second's budget waits for as many seconds. A gate that can't be read, or wasn't read for a while, counts as closed.
   *
   * @throws the reason of the context's signal once it is aborted.
   */
  readonly beforeBatch: (cost: ThrottleCost) => Promise<void>;
  /**
   * Call it within a batch, for example between two pieces of a COPY. It waits only for the budget. Gates let running batches end, so
   * that no transaction stays open while a replica lags.
   *
   * @throws the reason of the context's signal once it is aborted.
   */
  readonly spend: (cost: ThrottleCost) => Promise<void>;
}
