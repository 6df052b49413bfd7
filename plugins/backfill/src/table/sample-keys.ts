import type { SqlClient } from '@longshore/sdk';
import type { Key } from '../keys/key-type.ts';
import { rowsOf, type BackfillTarget } from './backfill-target.ts';

/** What a look at some of a table's pages tells. */
export interface KeySample {
  /** Rows of the whole table, estimated; exact when all pages were read. */
  readonly rows: number;
  /** The part of them for which the predicate holds, 0 to 1; 1 without a predicate. */
  readonly matching: number;
  /** Keys that divide the table into parts of about equal weight, in order; may repeat. Empty when no row was seen. */
  readonly quantiles: readonly Key[];
}

/**
 * Pages of a sample: 16 MiB, a second or two of random reads. On a table whose keys follow its pages each page is hardly more
 * than one point, so 64 ranges get 30 points each, which puts their weights within a fifth of one another.
 */
const SAMPLE_PAGES = 2_000;
/** A sample that saw fewer rows than this is taken again, once, of more pages: the table is mostly empty space. */
const FEWEST_ROWS = 1_000;
const MORE = 8;

/**
 * Looks at random pages of the table: at all of a small one, otherwise at about {@link SAMPLE_PAGES}, however large it is. It does
 * not need statistics, so a table that was never analysed is as good as any; and it sees keys where they are, so gaps and
 * clusters weigh nothing and much.
 *
 * @param parts - how many parts the quantiles make, from the estimated rows; at least 1.
 */
export async function sampleKeys(
  client: SqlClient,
  target: BackfillTarget,
  where: string | null,
  parts: (rows: number) => number,
): Promise<KeySample> {
  const pages = await countPages(client, target);
  let percent = pages <= SAMPLE_PAGES ? 100 : (100 * SAMPLE_PAGES) / pages;
  let seen = await countSample(client, target, where, percent);
  if (seen.rows < FEWEST_ROWS && percent < 100) {
    percent = Math.min(100, percent * MORE);
    seen = await countSample(client, target, where, percent);
  }
  const rows = Math.round((seen.rows * 100) / percent);
  const count = parts(rows);
  const quantiles = count > 1 ? await readQuantiles(client, target, percent, count) : [];
  return { rows, matching: seen.rows === 0 ? 1 : seen.matching / seen.rows, quantiles };
}

async function countPages(client: SqlClient, target: BackfillTarget): Promise<number> {
  const counted = await client.query<{ pages: string }>(
    `SELECT coalesce(sum(pg_relation_size(relid)) / current_setting('block_size')::int, 0)::bigint::text AS pages
       FROM (SELECT $1::regclass AS relid UNION SELECT relid FROM pg_partition_tree($1::regclass)) AS tree`,
    [target.table],
  );
  return Number(counted.rows[0]?.pages ?? 0);
}

/** @param percent - of the table's pages; all rows of a page that is chosen are seen. */
async function countSample(
  client: SqlClient,
  target: BackfillTarget,
  where: string | null,
  percent: number,
): Promise<{ readonly rows: number; readonly matching: number }> {
  const counted = await client.query<{ rows: number; matching: number }>(
    `SELECT count(*)::int AS rows, (count(*)${where === null ? '' : ` FILTER (WHERE (\n${where}\n))`})::int AS matching
       FROM ${rowsOf(target)} TABLESAMPLE SYSTEM ($1::float8)`,
    [percent],
  );
  return counted.rows[0] ?? { rows: 0, matching: 0 };
}

async function readQuantiles(
  client: SqlClient,
  target: BackfillTarget,
  percent: number,
  parts: number,
): Promise<readonly Key[]> {
  const shares = Array.from({ length: parts - 1 }, (_, i) => (i + 1) / parts);
  const found = await client.query<{ keys: readonly Key[] | null }>(
    `SELECT percentile_disc($2::float8[]) WITHIN GROUP (ORDER BY ${target.key})::text[] AS keys
       FROM ${rowsOf(target)} TABLESAMPLE SYSTEM ($1::float8)`,
    [percent, shares],
  );
  return found.rows[0]?.keys ?? [];
}
