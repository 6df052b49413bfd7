import type { HookContext, SqlClient } from '@longshore/sdk';
import type { BackfillWork, BatchRange } from '../backfill-work.ts';
import { firstBatchRows } from '../batches/batch-rows.ts';
import { beginBatch } from '../batches/batch-session.ts';
import { withTableName } from '../errors/postgres-error.ts';
import type { BackfillTuning } from '../meta/tuning.ts';
import { bareName, keyTypeOf, rowsOf, type BackfillTarget } from '../table/backfill-target.ts';
import { matchCondition } from '../table/range-condition.ts';
import { planRanges, type RangePlan } from './plan-update.ts';

/** Rows that are tried, and of these as many are shown. */
const TRIED_ROWS = 100;
const SHOWN_ROWS = 5;
/** Of each value, in characters: a result has 64 KiB. */
const SHOWN_CHARACTERS = 200;

/** What a dry run returns. A type and no interface: it is JSON. */
export type BackfillPreview = {
  readonly dryRun: true;
  readonly table: string;
  /** The column of the primary key. */
  readonly key: string;
  /** Rows of the table, estimated. */
  readonly rows: number;
  /** Rows that match the `where`, estimated. */
  readonly matching: number | null;
  readonly ranges: number;
  /** Batches, estimated by the time that some rows took. */
  readonly batches: number;
  readonly batchRows: number;
  /** Some rows that match, with the columns that change, as text. */
  readonly sample: readonly RowChange[];
};

/** A row of a dry run. */
export type RowChange = {
  readonly key: string;
  readonly before: RowText;
  readonly after: RowText;
};

/**
 * A dry run: how the table would be divided, about how much it is, and what happens to some rows, in a transaction that is
 * rolled back.
 */
export async function previewBackfill<Meta extends BackfillTuning, Settings>(
  context: HookContext<Meta, Settings>,
  work: BackfillWork<Meta, Settings>,
): Promise<BackfillPreview> {
  const { meta } = context.task;
  const plan = await planRanges(context, work);
  try {
    const tried = await context.connection(meta.connection).read((client) => tryRows(client, plan, context, work));
    return { dryRun: true, ...estimate(plan, tried.changed, tried.elapsedMs, meta), sample: tried.sample };
  } catch (error) {
    throw withTableName(error, plan.target.table);
  }
}

/** A few rows say little about the speed: the batches are counted with the size that the target's time allows by them. */
function estimate(
  plan: RangePlan,
  changed: number,
  elapsedMs: number,
  meta: BackfillTuning,
): Omit<BackfillPreview, 'dryRun' | 'sample'> {
  const rowMs = changed === 0 ? null : elapsedMs / changed;
  const batchRows =
    rowMs === null
      ? firstBatchRows(meta)
      : Math.round(Math.min(meta.maxBatchRows, Math.max(meta.minBatchRows, meta.targetBatchMs / rowMs)));
  return {
    table: plan.target.table,
    key: plan.target.key,
    rows: plan.rows,
    matching: plan.matching,
    ranges: plan.ranges.length,
    batches: Math.max(plan.ranges.length, Math.ceil(plan.rows / batchRows)),
    batchRows,
  };
}

interface Tried {
  readonly changed: number;
  readonly elapsedMs: number;
  readonly sample: readonly RowChange[];
}

async function tryRows<Meta extends BackfillTuning, Settings>(
  client: SqlClient,
  { target }: RangePlan,
  context: HookContext<Meta, Settings>,
  work: BackfillWork<Meta, Settings>,
): Promise<Tried> {
  const { meta } = context.task;
  await client.query('BEGIN ISOLATION LEVEL READ COMMITTED');
  await beginBatch(client, meta.lockTimeoutMs);
  const keys = await firstMatching(client, target, work.where(meta));
  const [first, last] = [keys.at(0), keys.at(-1)];
  let tried: Tried = { changed: 0, elapsedMs: 0, sample: [] };
  if (first !== undefined && last !== undefined) {
    const shown = keys.slice(0, SHOWN_ROWS);
    const before = await readRows(client, target, shown);
    const range: BatchRange = { after: await keyBefore(client, target, first), upTo: last };
    const begun = performance.now();
    const changed = await work.change(client, target, range, context);
    const elapsedMs = performance.now() - begun;
    const after = await readRows(client, target, shown);
    const sample = shown.map((key) => ({ key, ...difference(before.get(key), after.get(key), work.setColumns(meta)) }));
    tried = { changed, elapsedMs, sample };
  }
  await client.query('ROLLBACK');
  return tried;
}

/** A row's columns, as text. */
type RowText = Readonly<Record<string, string | null>>;

/** The columns that are other than before, and those that were set. */
function difference(
  before: RowText = {},
  after: RowText = {},
  set: readonly string[],
): { readonly before: Record<string, string | null>; readonly after: Record<string, string | null> } {
  const columns = Object.keys(after).filter((name) => before[name] !== after[name] || set.includes(name));
  const pick = (row: RowText): Record<string, string | null> =>
    Object.fromEntries(columns.map((name) => [name, row[name]?.slice(0, SHOWN_CHARACTERS) ?? null]));
  return { before: pick(before), after: pick(after) };
}

/** Rows that are looked through for some that match, from the lowest key on: a predicate may hold for very few. */
const LOOKED_AT_ROWS = 10_000;

/** Keys of the first rows that match, in order. */
async function firstMatching(
  client: SqlClient,
  target: BackfillTarget,
  where: string | null,
): Promise<readonly string[]> {
  const { text, values } = matchCondition(target, { after: null, upTo: null }, where);
  const name = bareName(target);
  // Under the table's own name, as the predicate may use it.
  const found = await client.query<{ key: string }>(
    `SELECT ${target.key}::text AS key
       FROM (SELECT * FROM ${rowsOf(target)} ORDER BY ${target.key} LIMIT ${LOOKED_AT_ROWS}) AS ${name}
      WHERE ${text} ORDER BY ${name}.${target.key} LIMIT ${TRIED_ROWS}`,
    values,
  );
  return found.rows.map(({ key }) => key);
}

async function keyBefore(client: SqlClient, target: BackfillTarget, key: string): Promise<string | null> {
  const found = await client.query<{ key: string }>(
    `SELECT ${target.key}::text AS key FROM ${rowsOf(target)} AS walked WHERE ${target.key} < $1 ORDER BY walked.${target.key} DESC LIMIT 1`,
    [key],
  );
  return found.rows[0]?.key ?? null;
}

async function readRows(
  client: SqlClient,
  target: BackfillTarget,
  keys: readonly string[],
): Promise<ReadonlyMap<string, RowText>> {
  const found = await client.query<{ key: string; columns: RowText }>(
    `SELECT ${target.key}::text AS key,
            (SELECT json_object_agg(name, value) FROM json_each_text(to_json(longshore_row)) AS pairs (name, value)) AS columns
       FROM ${rowsOf(target)} AS longshore_row WHERE ${target.key} = ANY ($1::${keyTypeOf(target).sql}[])`,
    [keys],
  );
  return new Map(found.rows.map(({ key, columns }) => [key, columns]));
}
