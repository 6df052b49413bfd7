import { sql, type RawBuilder } from 'kysely';

/**
 * Where the row of each `id` of a source lies, for an UPDATE or DELETE that the source is joined with by `s.ctid = row.place`. The transaction
 * must have locked the rows: a place is good as long as nobody writes the row.
 *
 * ✗ A join by `s.id`: `unnest` is taken for ten rows and a table that was not analysed for one, so the planner walks the whole table, or all
 * that runs on the node, for each row. A limit can't be merged into the statement around it, and by its place a row can only be
 * fetched.
 *
 * @param source the alias of the source.
 */
export function rowPlaces(source: 'd' | 'p' | 'r'): RawBuilder<unknown> {
  return sql`CROSS JOIN LATERAL (SELECT ctid AS place FROM subtasks WHERE id = ${sql.ref(source)}.id LIMIT 1) AS row`;
}
