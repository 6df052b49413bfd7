import type { KeyRange } from '../ranges/key-range.ts';
import { keyTypeOf, type BackfillTarget } from './backfill-target.ts';

/** A condition with its parameters, which are numbered from $1. */
export interface SqlCondition {
  readonly text: string;
  readonly values: readonly string[];
}

/**
 * The rows of a range. Keys are compared in the column's own type, so that the primary key's index serves.
 *
 * It always has a parameter: a statement with one goes to the server as one statement, whatever a user's expression beside
 * it says, and one without could be several.
 */
export function rangeCondition(target: BackfillTarget, { after, upTo }: KeyRange): SqlCondition {
  const type = keyTypeOf(target).sql;
  const bounds = [
    { operator: '>', key: after },
    { operator: '<=', key: upTo },
  ].flatMap(({ operator, key }) => (key === null ? [] : [{ operator, key }]));
  if (bounds.length === 0) return { text: '$1::boolean', values: ['true'] };
  return {
    text: bounds.map(({ operator }, i) => `${target.key} ${operator} $${i + 1}::${type}`).join(' AND '),
    values: bounds.map(({ key }) => key),
  };
}

/** The rows of a range for which a user's predicate holds. Its line is its own: it may end in a comment. */
export function matchCondition(target: BackfillTarget, range: KeyRange, where: string | null): SqlCondition {
  const { text, values } = rangeCondition(target, range);
  return { text: where === null ? text : `${text} AND (\n${where}\n)`, values };
}
