/** Classes of SQLSTATEs that speak of what was to be written: a data exception, a violated constraint, a limit of the server's. */
const DATA_CLASSES: ReadonlySet<string> = new Set(['22', '23', '54']);

/**
 * Whether Postgres refuses a statement for the data in it: the same would be refused again, and what was written together with it may be
 * free of fault. Locks, time-outs and outages are none of it.
 */
export function isDataRefusal(thrown: unknown): boolean {
  const { code } = (thrown ?? {}) as { readonly code?: unknown };
  return typeof code === 'string' && code.length === 5 && DATA_CLASSES.has(code.slice(0, 2));
}
