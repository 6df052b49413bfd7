/** What a subtask waits for, for people and programs. */
export interface WaitingReason {
  /** Stable, in capitals: `THROTTLED`, `REPLICA_LAG`, `LOCK_HELD`, `RETRY`, or one of the task type's own. */
  readonly code: string;
  /** One sentence with the particulars: who holds the lock, how far the replica lags, when it is tried again. */
  readonly message: string;
}
