import type { Actor } from './actor.ts';

/** What is written down of a task's life. */
export interface TaskEvent {
  /** Who caused it. */
  readonly actor: Actor;
  readonly kind: string;
  readonly from?: string | null;
  readonly to?: string | null;
  readonly subtaskId?: string | null;
  readonly message?: string | null;
}
