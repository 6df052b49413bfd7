import { hash } from 'node:crypto';
import type { DemoRow } from './demo-row.ts';

/** How many rows fit into the sums of 32-bit numbers before a double loses digits, with room to spare. */
const FOLD_EVERY = 500_000;

/**
 * A sum over rows that doesn't depend on their order: of each row, the first 60 bits of the MD5 of its canonical form.
 * A lost, doubled or changed row changes it. Here it is taken from the values as they were made; `CHECKSUM_SQL` takes the
 * same one from the table.
 */
export class RowChecksum {
  #total = 0n;
  #high = 0;
  #low = 0;
  #rows = 0;

  add(row: DemoRow): void {
    const digest = hash('md5', canonicalForm(row), 'hex');
    this.#high += Number.parseInt(digest.slice(0, 7), 16);
    this.#low += Number.parseInt(digest.slice(7, 15), 16);
    this.#rows += 1;
    if (this.#rows % FOLD_EVERY === 0) this.#fold();
  }

  get value(): bigint {
    this.#fold();
    return this.#total;
  }

  #fold(): void {
    this.#total += (BigInt(this.#high) << 32n) + BigInt(this.#low);
    this.#high = 0;
    this.#low = 0;
  }
}

/** Every value with its length in bytes, so that no two rows share a form; NULL is a form of its own. */
function canonicalForm({ id, name, note, amount, createdMs, payload }: DemoRow): string {
  return `${id}|${text(name)}|${text(note)}|${text(amount)}|${createdMs}|${text(payload)}`;
}

function text(value: string | null): string {
  return value === null ? 'null' : `${Buffer.byteLength(value)}:${value}`;
}

/** Rows and checksum of the table, computed by Postgres from what it holds. */
export const CHECKSUM_SQL = `
  SELECT count(*)::text AS rows,
         coalesce(sum(('x' || substr(md5(concat_ws('|',
           id,
           octet_length(name) || ':' || name,
           coalesce(octet_length(note) || ':' || note, 'null'),
           coalesce(octet_length(amount::text) || ':' || amount::text, 'null'),
           (extract(epoch FROM created) * 1000)::bigint,
           octet_length(payload) || ':' || payload
         )), 1, 15))::bit(60)::bigint), 0)::text AS checksum
    FROM public.demo_rows`;

/** The table that the demo loads. */
export const TABLE_SQL = `
  CREATE TABLE public.demo_rows (
    id bigint NOT NULL,
    name text NOT NULL,
    note text,
    amount numeric,
    created timestamptz NOT NULL,
    payload text NOT NULL
  )`;
