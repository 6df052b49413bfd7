/** A condition on a database that must be true before a task starts a batch. All gates of a task must be open. */
export type HealthGate =
  | {
      readonly kind: 'replica-lag';
      readonly connection: string;
      /** Open while no replica is further behind than this, in milliseconds. */
      readonly maxMs: number;
      /** Replicas that must be connected. With fewer the gate is closed, because a missing replica lags most of all. */
      readonly minReplicas: number;
    }
  | {
      readonly kind: 'lock-waits';
      readonly connection: string;
      /** Open while at most this many other sessions wait for locks. */
      readonly maxSessions: number;
      /** Waits below this don't count, in milliseconds. */
      readonly afterMs: number;
    }
  | {
      readonly kind: 'query';
      readonly connection: string;
      readonly name: string;
      /** Returns one row whose first column is true while the task may start batches. */
      readonly sql: string;
    };

/** What was found at one gate. */
export interface GateReading {
  readonly isOpen: boolean;
  /** `REPLICA_LAG`, `LOCK_WAITS`, `GATE_CLOSED`, or `GATE_UNREADABLE`. */
  readonly code: string;
  readonly message: string;
}

/** Why a task's subtasks start no batch now. */
export interface GateHold {
  readonly code: string;
  readonly message: string;
}

/** Readings older than this don't count, in milliseconds: five rounds of reading. */
export const GATES_STALE_MS = 5_000;

/**
 * Why no batch may start; null: batches may start. It fails closed: a gate that was never read, or not for a while, counts as closed.
 *
 * @param ageMs how old the readings are; null when there are none.
 */
export function decideGates(readings: readonly GateReading[], ageMs: number | null): GateHold | null {
  if (ageMs === null) return { code: 'GATE_STALE', message: 'its health gates have not been read yet' };
  if (ageMs > GATES_STALE_MS) {
    return { code: 'GATE_STALE', message: `its health gates were read ${Math.round(ageMs / 1_000)} s ago last` };
  }
  const closed = readings.find((reading) => !reading.isOpen);
  return closed === undefined ? null : { code: closed.code, message: closed.message };
}
