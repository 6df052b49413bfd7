/** Whose effects these are: what the ledger's rows and the sessions' names carry. */
export interface EffectOwner {
  /** Unique id of the Longshore store: two clusters may work on one target with equal task ids. */
  readonly clusterId: string;
  /** Decimal string of 64 bits. */
  readonly taskId: string;
  /** The task's key: tells it from another task of the same id, of a store that was restored from an older state. */
  readonly taskKey?: string;
  readonly subtaskId: string;
  /** The step of the subtask; '' for hooks outside of a step. */
  readonly step: string;
  readonly attempt: number;
}

/** Whose row of the ledger it is: a subtask may change one database through several connections, and each has effects of its own. */
export interface LedgerOwner extends EffectOwner {
  /** The connection's name in task metas. */
  readonly connection: string;
}

/**
 * Name of a subtask's sessions, for `pg_stat_activity` and for ending those of an older attempt. Integer ids keep it under the
 * 63 bytes at which Postgres cuts.
 */
export function applicationName(owner: EffectOwner): string {
  return `ls/${owner.taskId}/${owner.subtaskId}/${owner.attempt}`;
}
