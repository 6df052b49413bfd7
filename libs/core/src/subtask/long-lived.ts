import { kindsWith, SUBTASK_KINDS, type ControlKind } from './subtask-kinds.ts';

/** What decides which long-lived subtasks a task has beside its work. */
export interface LongLivedWish {
  /** Whether health gates are declared for it. */
  readonly hasGates: boolean;
  /** Hooks of its type. */
  readonly type: { readonly hooks: readonly string[] };
}

const LONG_LIVED = kindsWith((info) => info.isLongLived) as readonly ControlKind[];

/**
 * Kinds of which a running task has one subtask from its first step to its end: those whose hook its type has, and `gates`, which runs
 * no hook. The owner adds them.
 */
export function wantedLongLived({ hasGates, type }: LongLivedWish): readonly ControlKind[] {
  return LONG_LIVED.filter((kind) => {
    const { hook } = SUBTASK_KINDS[kind];
    return hook === null ? hasGates : type.hooks.includes(hook);
  });
}
