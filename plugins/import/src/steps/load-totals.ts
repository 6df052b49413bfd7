import type { HookContext } from '@longshore/sdk';
import { loadResult } from './load-work.ts';

/** What the subtasks of `load` did together. */
export interface LoadTotals {
  readonly rows: number;
  /** Bytes that were sent to the target. */
  readonly bytes: number;
  readonly chunks: number;
}

/** Adds up what the load's subtasks returned, page by page. */
export async function loadTotals(context: Pick<HookContext, 'previousSubtasks'>): Promise<LoadTotals> {
  const totals = { rows: 0, bytes: 0, chunks: 0 };
  for await (const { result } of context.previousSubtasks('load')) {
    const { rows, bytes } = loadResult.parse(result);
    totals.rows += rows;
    totals.bytes += bytes;
    totals.chunks += 1;
  }
  return totals;
}
