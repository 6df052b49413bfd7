import type { TaskDetail } from '@longshore/client';

/** Shows how a task comes on until it is closed. */
export interface ProgressDisplay {
  /** Takes a new snapshot. */
  update(detail: TaskDetail): void;
  /** Shows a remark, such as a lost connection, without disturbing the rest. */
  remark(text: string): void;
  /** Leaves the last state standing and stops. Idempotent. */
  close(): void;
}
