/** A condition on one of a node's labels. A node without the label fits `!=` alone. */
export type LabelSelector =
  | { readonly label: string; readonly op: '=' | '!='; readonly value: string }
  | { readonly label: string; readonly op: 'in'; readonly values: readonly string[] }
  | { readonly label: string; readonly op: 'exists' };

/** Labels of a node by name. */
export type NodeLabels = Readonly<Record<string, string>>;

/** Where a step's subtasks may run, as its task type says: on these nodes, and on nodes with these labels. What is absent allows all. */
export interface Placement {
  readonly nodeIds?: readonly string[];
  readonly labels?: readonly LabelSelector[];
}

/** Whether a node's labels fit all of the selectors. */
export function fitsSelectors(labels: NodeLabels, selectors: readonly LabelSelector[]): boolean {
  return selectors.every((selector) =>
    fits(Object.hasOwn(labels, selector.label) ? labels[selector.label] : undefined, selector),
  );
}

function fits(value: string | undefined, selector: LabelSelector): boolean {
  switch (selector.op) {
    case '=':
      return value === selector.value;
    case '!=':
      return value !== selector.value;
    case 'in':
      return value !== undefined && selector.values.includes(value);
    case 'exists':
      return value !== undefined;
  }
}

/** Whether a step may run on a node. */
export function fitsPlacement(
  node: { readonly id: string; readonly labels: NodeLabels },
  { nodeIds, labels = [] }: Placement,
): boolean {
  return (nodeIds === undefined || nodeIds.includes(node.id)) && fitsSelectors(node.labels, labels);
}

/** A selector in words, such as `zone in (a, b)`. */
export function selectorText(selector: LabelSelector): string {
  switch (selector.op) {
    case '=':
    case '!=':
      return `${selector.label} ${selector.op} ${selector.value}`;
    case 'in':
      return `${selector.label} in (${selector.values.join(', ')})`;
    case 'exists':
      return `${selector.label} exists`;
  }
}
