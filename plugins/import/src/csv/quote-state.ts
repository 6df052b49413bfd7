import type { CsvDialect } from './dialect.ts';

/** What a reader knows about quotes between two bytes of a file. */
export const QuoteState = {
  /** A line end here ends a record. */
  Outside: 'outside',
  /** A line end here is data. */
  Inside: 'inside',
  /** Inside, after an escape that is not the quote: a quote or an escape that follows at once is data. */
  Escaped: 'escaped',
} as const;

export type QuoteState = (typeof QuoteState)[keyof typeof QuoteState];

/**
 * The rules of `CopyReadLineText` in Postgres' copyfromparse.c. A quote opens and closes anywhere, also in the middle of
 * an unquoted field; an escape that differs from the quote has a meaning inside quotes only. Where the two are the same
 * character, it just opens and closes: `""` closes and opens again, with no line end in between.
 */
const afterQuote = {
  [QuoteState.Outside]: QuoteState.Inside,
  [QuoteState.Inside]: QuoteState.Outside,
  [QuoteState.Escaped]: QuoteState.Inside,
} as const;
const afterEscape = {
  [QuoteState.Outside]: QuoteState.Outside,
  [QuoteState.Inside]: QuoteState.Escaped,
  [QuoteState.Escaped]: QuoteState.Inside,
} as const;
const afterOther = {
  [QuoteState.Outside]: QuoteState.Outside,
  [QuoteState.Inside]: QuoteState.Inside,
  [QuoteState.Escaped]: QuoteState.Inside,
} as const;

/**
 * One machine that reads a range for all the states in which it may begin. A joint state says where each of those
 * readings is; it is a small number, so that a step is one look into a table.
 */
export interface JointStates {
  /** The states a range may begin in; bit `1 << i` of a mask stands for the reading that began in the i-th. */
  readonly starts: readonly QuoteState[];
  /** Per joint state: the states of the readings, in the order of `starts`. The first joint state is `starts` itself. */
  readonly members: readonly (readonly QuoteState[])[];
  readonly afterQuote: Uint8Array;
  readonly afterEscape: Uint8Array;
  readonly afterOther: Uint8Array;
  /** Per joint state: the mask of the readings that are outside quotes. */
  readonly outside: Uint8Array;
}

/** The joint states of a dialect: 2 where the escape is the quote, a few more where it is not. */
export function jointStates(dialect: CsvDialect): JointStates {
  const starts: readonly QuoteState[] =
    dialect.escape === dialect.quote
      ? [QuoteState.Outside, QuoteState.Inside]
      : [QuoteState.Outside, QuoteState.Inside, QuoteState.Escaped];
  const members: (readonly QuoteState[])[] = [starts];
  const numbers = new Map([[starts.join(), 0]]);
  const numberOf = (states: readonly QuoteState[]): number => {
    const known = numbers.get(states.join());
    if (known !== undefined) return known;
    numbers.set(states.join(), members.length);
    return members.push(states) - 1;
  };
  const quoted: number[] = [];
  const escaped: number[] = [];
  const other: number[] = [];
  // The loop sees the members that it adds itself, until no step leads to a new one.
  for (const states of members) {
    quoted.push(numberOf(states.map((state) => afterQuote[state])));
    escaped.push(dialect.escape === dialect.quote ? 0 : numberOf(states.map((state) => afterEscape[state])));
    other.push(numberOf(states.map((state) => afterOther[state])));
  }
  const outsideMask = (states: readonly QuoteState[]): number =>
    states.reduce((mask, state, i) => (state === QuoteState.Outside ? mask | (1 << i) : mask), 0);
  return {
    starts,
    members,
    afterQuote: Uint8Array.from(quoted),
    afterEscape: Uint8Array.from(escaped),
    afterOther: Uint8Array.from(other),
    outside: Uint8Array.from(members, outsideMask),
  };
}
