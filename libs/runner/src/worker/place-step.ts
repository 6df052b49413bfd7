import { LongshoreError, type LabelSelector, type Placement } from '@longshore/core';
import type { PlanContext, TaskType } from '@longshore/sdk';
import type { RunSpec } from '../channel/messages.ts';

/**
 * Asks the type where a step may run. Null: it has no say, so everywhere.
 *
 * @throws what the hook throws; {LongshoreError} PLAN_INVALID when its answer is no placement.
 */
export async function placeStep(
  run: RunSpec,
  type: TaskType,
  context: PlanContext,
  step: string,
): Promise<Placement | null> {
  if (type.scheduler.eligibleNodes === undefined) return null;
  const answer: unknown = await type.scheduler.eligibleNodes({ ...context, nodes: run.candidates ?? [] }, step);
  if (isPlacement(answer)) return answer;
  throw new LongshoreError(
    'PLAN_INVALID',
    `eligibleNodes of ${type.type} must answer an object with lists of nodeIds or labels, or with neither`,
  );
}

function isPlacement(answer: unknown): answer is Placement {
  if (!isRecord(answer)) return false;
  const { nodeIds, labels } = answer;
  return (
    (nodeIds === undefined || isListOf(nodeIds, isText)) && (labels === undefined || isListOf(labels, isLabelSelector))
  );
}

function isLabelSelector(value: unknown): value is LabelSelector {
  if (!isRecord(value) || !isText(value['label'])) return false;
  switch (value['op']) {
    case '=':
    case '!=':
      return isText(value['value']);
    case 'in':
      return isListOf(value['values'], isText);
    case 'exists':
      return true;
    default:
      return false;
  }
}

function isListOf<T>(value: unknown, isItem: (item: unknown) => item is T): value is T[] {
  return Array.isArray(value) && value.every(isItem);
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function isText(value: unknown): value is string {
  return typeof value === 'string';
}
