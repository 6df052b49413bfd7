/** What a running subtask counts, by name: rows, bytes, and what its type counts besides. Whole numbers from 0, each only grows. */
export type Summary = Readonly<Record<string, number>>;

/** As many as a person reads at a glance, and as a metric may have values of a label. */
export const MAX_SUMMARY_COUNTERS = 16;

/** Also the value of a label in metrics and the key of a JSON object in SQL. */
const NAME = /^[a-z][a-zA-Z0-9_]{0,39}$/;

/**
 * The counters of a value that plugin code gave: names of letters, digits and `_`, at most 40 characters; safe integers from 0. What is
 * none is left out, and so is what comes after the 16th.
 */
export function parseSummary(value: unknown): Summary {
  if (typeof value !== 'object' || value === null) return {};
  const counters = Object.entries(value).filter(
    (entry): entry is [string, number] => NAME.test(entry[0]) && Number.isSafeInteger(entry[1]) && entry[1] >= 0,
  );
  return Object.fromEntries(counters.slice(0, MAX_SUMMARY_COUNTERS));
}

/** The sums of counters by name, at most the largest safe integer. */
export function addSummaries(summaries: readonly Summary[]): Summary {
  const sums: Record<string, number> = {};
  for (const summary of summaries) {
    for (const [name, count] of Object.entries(summary)) {
      sums[name] = Math.min(Number.MAX_SAFE_INTEGER, (sums[name] ?? 0) + count);
    }
  }
  return sums;
}
