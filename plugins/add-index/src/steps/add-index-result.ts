import type { HookContext } from '@longshore/sdk';
import type { AddIndexMeta } from '../meta/add-index-meta.ts';
import { preparedOfMeta } from '../meta/prepared-of-meta.ts';
import { indexMade, indexVerified, type IndexVerified } from './index-work.ts';

/** What an `add-index` returns. A type and no interface: it is JSON. */
export type AddIndexResult = {
  /** Qualified and quoted. */
  readonly table: string;
  /** Whether an equal index was there, so that there was nothing to do. */
  readonly existed: boolean;
  /** Indexes of the table and its partitions that were built. */
  readonly built: number;
  /** Those that were there, and were taken as they are. */
  readonly adopted: number;
} & Partial<IndexVerified>;

/** What there is now, and how many of the tables' indexes were built or taken as they were. */
export async function addIndexResult(context: HookContext<AddIndexMeta>): Promise<AddIndexResult> {
  const { table, existing } = preparedOfMeta(context.task.meta);
  const counts = { built: 0, adopted: existing === null ? 0 : 1, gone: 0 };
  for await (const { result } of context.previousSubtasks('build')) counts[indexMade.parse(result).origin] += 1;
  let verified: Partial<IndexVerified> = {};
  for await (const { result } of context.previousSubtasks('verify')) verified = indexVerified.parse(result);
  return { table, existed: existing !== null, built: counts.built, adopted: counts.adopted, ...verified };
}
