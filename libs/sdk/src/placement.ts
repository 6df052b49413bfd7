/** A condition on one of a node's labels. A node without the label fits `!=` alone. */
export type LabelSelector =
  | { readonly label: string; readonly op: '=' | '!='; readonly value: string }
  | { readonly label: string; readonly op: 'in'; readonly values: readonly string[] }
  | { readonly label: string; readonly op: 'exists' };

/**
 * Where a step's subtasks may run: on these nodes, and on nodes whose labels fit all of these. What is absent allows all, so `{}` is
 * every node that the task may use.
 */
export interface Placement {
  readonly nodeIds?: readonly string[];
  readonly labels?: readonly LabelSelector[];
}

/** A node that a step could run on. */
export interface CandidateNode {
  readonly id: string;
  /** Its executor's `--labels`. */
  readonly labels: Readonly<Record<string, string>>;
  /** Its executor's `--host`. */
  readonly host: string;
}
