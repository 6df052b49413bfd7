/** What a subtask waits for, for people and programs. */
export interface WaitingReason {
  /** Stable, in capitals: `THROTTLED`, `REPLICA_LAG`, `LOCK_HELD`, `RETRY`, or the task type's own. */
  readonly code: string;
  /** One sentence with details: who holds the lock, how far the replica lags, when the next attempt starts. */
  readonly message: string;
}
