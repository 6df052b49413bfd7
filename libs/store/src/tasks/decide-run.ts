import { LongshoreError } from '@longshore/core';

/** How a task is submitted, which is no content of it. */
export interface SubmitCall {
  /** Names the call and all of its repetitions: together they start one run at most. Default: none. */
  readonly submitId?: string | undefined;
  /** Starts the next run of the key if its newest one has ended. Default false. */
  readonly again?: boolean | undefined;
}

/** A run of a key, as far as a submit has to know it. */
export interface KeyRun {
  readonly id: string;
  readonly key: string;
  readonly contentHash: string;
  /** Names the submit that started it; null: that had no id. */
  readonly submitId: string | null;
}

/** What a submit comes to whose key may be taken. */
export type RunDecision =
  | { readonly kind: 'found'; readonly run: { readonly id: string; readonly created: boolean } }
  /** The next run may start if this task, the newest run, has ended. */
  | { readonly kind: 'look-at-end'; readonly id: string }
  /** The key is free by now. */
  | { readonly kind: 'gone' };

/**
 * Decides on the newest run of the key and the run that the call has started already, if there are such.
 *
 * @throws {LongshoreError} TASK_KEY_TAKEN for other content under the key; ARGUMENT_INVALID when the call's id started a run of another key.
 */
export function decideRun(
  { key, contentHash }: { readonly key: string; readonly contentHash: string },
  { submitId, again = false }: SubmitCall,
  runs: readonly KeyRun[],
): RunDecision {
  const own = submitId === undefined ? undefined : runs.find((run) => run.submitId === submitId);
  if (own !== undefined && own.key !== key) {
    throw new LongshoreError(
      'ARGUMENT_INVALID',
      `submitId: ${JSON.stringify(submitId)} started task ${own.id}, under the key ${JSON.stringify(own.key)}`,
      { details: { taskId: own.id } },
    );
  }
  const found = own ?? runs.find((run) => run.key === key);
  if (found === undefined) return { kind: 'gone' };
  if (found.contentHash !== contentHash) {
    throw new LongshoreError(
      'TASK_KEY_TAKEN',
      `key ${JSON.stringify(key)} belongs to task ${found.id}, which was submitted with other content`,
      { details: { taskId: found.id } },
    );
  }
  if (own !== undefined) return { kind: 'found', run: { id: own.id, created: true } };
  return again ? { kind: 'look-at-end', id: found.id } : { kind: 'found', run: { id: found.id, created: false } };
}
