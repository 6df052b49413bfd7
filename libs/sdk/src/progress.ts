/**
 * How much a hook has done. The task's progress is the sum over its subtasks.
 *
 * An attempt that goes on from a checkpoint begins with what had been added when that was saved, and one that goes on with `effectBatches`
 * with what had been added for its batches: add only what this attempt does.
 */
export interface Progress {
  /** Rows so far, those that this attempt began with included. */
  readonly rows: number;
  /** Bytes so far, in the same way. */
  readonly bytes: number;
  /** Adds finished work. Cheap: it counts in memory and reports at most once a second. */
  add(done: { readonly rows?: number; readonly bytes?: number }): void;
  /**
   * Says what the hook does now, for people: a few words, at most 200 characters, such as a phase of the target. Shown with
   * the subtask until the hook says something else; null shows nothing. Cheap, like `add`.
   */
  phase(name: string | null): void;
}
