/** How much a hook has done. The task's progress is the sum over its subtasks. */
export interface Progress {
  /** Adds finished work. Cheap: it counts in memory and reports at most once a second. */
  add(done: { readonly rows?: number; readonly bytes?: number }): void;
  /**
   * Says what the hook does now, for people: a few words, at most 200 characters, such as a phase of the target. Shown with
   * the subtask until the hook says something else; null shows nothing. Cheap, like `add`.
   */
  phase(name: string | null): void;
}
