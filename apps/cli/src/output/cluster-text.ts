import type { ClusterLimits, NodeView, TypeView } from '@longshore/client';
import { DEFAULT_MAX_SUBTASKS_PER_STEP } from '@longshore/core';
import { formatAge, formatCount, NONE } from './format-values.ts';
import { fieldsText, tableText } from './table.ts';

/** Nodes as a table. */
export function nodeTable(nodes: readonly NodeView[], nowMs: number): string {
  return tableText(
    ['node', 'state', 'scope', 'labels', 'slots', 'running', 'waiting', 'hooks', 'types', 'host', 'pid', 'started'],
    nodes.map((node) => [
      node.id,
      node.state,
      node.scope || NONE,
      labelsText(node.labels ?? {}),
      node.slots,
      formatCount(node.running),
      formatCount(node.pending),
      node.hooks === undefined ? NONE : formatCount(node.hooks),
      node.types.map(({ type, version }) => `${type}@${version}`).join(', ') || NONE,
      node.host,
      node.pid,
      formatAge(node.startedAt, nowMs),
    ]),
  );
}

/** Labels as an executor is given them. */
function labelsText(labels: Readonly<Record<string, string>>): string {
  const parts = Object.entries(labels).map(([label, value]) => (value === '' ? label : `${label}=${value}`));
  return parts.toSorted().join(',') || NONE;
}

/** Task types as a table. */
export function typeTable(types: readonly TypeView[]): string {
  return tableText(
    ['type', 'version', 'steps', 'nodes', 'description'],
    types.map(({ type, version, steps, nodes, description }) => [
      type,
      version,
      steps.join(', ') || NONE,
      nodes.length,
      description,
    ]),
  );
}

/** Everything about one version of a type, above all what its meta must look like. */
export function typeText(view: TypeView): string {
  const fields = fieldsText([
    ['type', `${view.type}@${view.version}`],
    ['description', view.description || NONE],
    ['steps', view.steps.join(', ') || NONE],
    ['hooks', view.hooks.join(', ') || NONE],
    ['nodes', view.nodes.join(', ') || `${NONE} (no live node has it loaded now)`],
    ['defaults', JSON.stringify(view.defaults)],
    ['contract', view.contract],
  ]);
  return `${fields}\n\nmeta (JSON Schema):\n${JSON.stringify(view.schema, null, 2)}`;
}

/** Limits of the whole cluster. */
export function limitsText({ maxScheduledTasks, maxSubtasksPerStep }: ClusterLimits): string {
  return fieldsText([
    ['most tasks with slots at once', maxScheduledTasks],
    ['most subtasks of a step', maxSubtasksPerStep ?? `each type's own, or ${DEFAULT_MAX_SUBTASKS_PER_STEP}`],
  ]);
}
