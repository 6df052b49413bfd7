/** What the Postgres driver tells of an error that the server reported. */
export interface PostgresError extends Error {
  /** SQLSTATE: five characters, the first two are its class. */
  readonly code: string;
  readonly detail?: string;
  readonly hint?: string;
  readonly where?: string;
  readonly column?: string;
  readonly constraint?: string;
}

/** Tells the server's errors from those of the network and of the driver. */
export function isPostgresError(error: unknown): error is PostgresError {
  if (!(error instanceof Error)) return false;
  const { code, severity } = error as { readonly code?: unknown; readonly severity?: unknown };
  return typeof code === 'string' && /^[0-9A-Z]{5}$/.test(code) && typeof severity === 'string';
}

/**
 * SQLSTATE classes of what the same statement would meet again: unsupported, data, constraint, authorization, no such
 * database, syntax and names and privileges, view check, limits, and what a function or trigger raises. The rest may pass: lost
 * connections, deadlocks, too many of them, memory, disk, shutdown, a standby that is not yet promoted.
 */
const permanentClasses: ReadonlySet<string> = new Set(['0A', '22', '23', '28', '3D', '42', '44', '54', 'P0']);

/**
 * Whether an error without a word of its own may pass by itself, for task types that work on Postgres: give it as their
 * `isRetryableError`.
 */
export function isRetryablePostgresError(error: unknown): boolean {
  return !isPostgresError(error) || !permanentClasses.has(error.code.slice(0, 2));
}
