import { pino } from 'pino';

/** Codes that say what is outside of this process: where it was noticed tells nobody anything, and in an outage it is logged again and again. */
const OUTSIDE: ReadonlySet<unknown> = new Set([
  'STORE_UNAVAILABLE',
  'STORE_SCHEMA_OLD',
  'BUS_UNAVAILABLE',
  'BUS_TIMEOUT',
  'TARGET_UNAVAILABLE',
]);

/** What a line in the log has of an error: its code, message and fields, and its stack unless its code says that the cause is outside. */
export function loggedError(error: unknown): unknown {
  if (!(error instanceof Error)) return error;
  const { code } = error as { readonly code?: unknown };
  if (!OUTSIDE.has(code)) return pino.stdSerializers.err(error);
  return { type: error.name, code, message: error.message };
}
