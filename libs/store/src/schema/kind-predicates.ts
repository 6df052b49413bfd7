import { kindsWith, SUBTASK_KIND_NAMES, type SubtaskKind, type SubtaskKindInfo } from '@longshore/core';
import { sql, type RawBuilder } from 'kysely';

/**
 * A condition on the kind of a subtask's row, from the table of kinds. It names the kinds as literals: a partial index is only used by
 * a statement whose text implies the index's condition, and a parameter implies nothing.
 *
 * @param alias what the statement calls the table. Default: it has no name of its own.
 */
export type KindPredicate = (alias?: 's') => RawBuilder<boolean>;

/** Work of a plan: what `subtasks_claimable` and `subtasks_pinned` hold. */
export const isPlanned = predicate((column) => oneOf(column, PLANNED));

/** Everything else, whether this build knows it or not: what `subtasks_control` holds. */
export const isControl = predicate((column) => noneOf(column, PLANNED));

/**
 * What this build knows. Rows of other kinds are shown and left alone. Written so that no index takes it: nearly all rows are of a known
 * kind, and with the list as the condition of an index a retry walked all planned rows of its task.
 */
export const isKnown = predicate((column) => oneOf(`(${column} || '')`, SUBTASK_KIND_NAMES));

/** Control subtasks that this build doesn't know. */
export const isUnknown = predicate((column) => `${noneOf(column, PLANNED)} AND ${noneOf(column, SUBTASK_KIND_NAMES)}`);

/** What a task's step waits for: all but the side kinds that this build knows. */
export const isAwaited = predicate((column) =>
  noneOf(
    column,
    kindsWith((info) => !info.keepsStepOpen),
  ),
);

/** Control subtasks that this build knows. */
export const isKnownControl = predicate((column) => controls(column, () => true));

/** Control subtasks that share the few places which a node has for them. */
export const sharesPlaces = predicate((column) => controls(column, (info) => info.allowance === 'shared'));

/** Control subtasks that are given to another node when theirs takes no work or has no place for them. */
export const isMovableControl = predicate((column) => controls(column, (info) => info.moves === 'no room'));

/** What counts as done when a person skips the failed work. */
export const isSkippable = predicate((column) =>
  oneOf(
    column,
    kindsWith((info) => info.whenSkipped === 'skipped'),
  ),
);

const PLANNED = kindsWith((info) => info.rows === 'planned');

/** With the condition of `subtasks_control` in front: the planner then need not conclude it from the list. */
function controls(column: string, holds: (info: SubtaskKindInfo) => boolean): string {
  return `${noneOf(column, PLANNED)} AND ${oneOf(
    column,
    kindsWith((info) => info.rows !== 'planned' && holds(info)),
  )}`;
}

function oneOf(column: string, kinds: readonly SubtaskKind[]): string {
  return kinds.length === 1 ? `${column} = ${literals(kinds)}` : `${column} IN (${literals(kinds)})`;
}

function noneOf(column: string, kinds: readonly SubtaskKind[]): string {
  return kinds.length === 1 ? `${column} <> ${literals(kinds)}` : `${column} NOT IN (${literals(kinds)})`;
}

function literals(kinds: readonly SubtaskKind[]): string {
  return kinds.map((kind) => `'${kind}'`).join(', ');
}

function predicate(textOf: (column: string) => string): KindPredicate {
  return (alias) => sql.raw<boolean>(textOf(alias === undefined ? 'kind' : `${alias}.kind`));
}
