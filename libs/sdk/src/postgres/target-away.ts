import { isPostgresError } from './postgres-error.ts';

/**
 * SQLSTATEs of a server that is away or takes nobody now: class 08, shutdown, crash and start (57P01 to 57P03), too many connections, and a
 * server that only reads, such as a standby. Not the ends of a session by a time-out of its own (25P03, 25P04, 57P05): those come again.
 */
const AWAY_STATE = /^(08...|57P0[123]|53300|25006)$/;
/** What the server says of a statement with too few parameters, and a pooler of a server that it can't reach. */
const PROTOCOL_VIOLATION = '08P01';

/** Codes of the network. ENOTFOUND is not among them: it may be a misspelt name ({@link mayBeAway}). */
const AWAY_CODES: ReadonlySet<string> = new Set([
  'EAI_AGAIN',
  'ECONNABORTED',
  'ECONNREFUSED',
  'ECONNRESET',
  'EHOSTDOWN',
  'EHOSTUNREACH',
  'ENETDOWN',
  'ENETUNREACH',
  'EPIPE',
  'ETIMEDOUT',
]);

/** What the driver says without a code. */
const AWAY_TEXT =
  /^(Connection terminated|Client has encountered a connection error|timeout exceeded when trying to connect)/;

/** Whether an error says that Postgres can't be reached now, so that the same may succeed later. Its causes are not looked at. */
export function isAway(error: unknown): error is Error {
  if (!(error instanceof Error)) return false;
  const code = codeOf(error);
  // Also what a session finds out itself, such as that the server takes no writes.
  if (AWAY_STATE.test(code))
    return code !== PROTOCOL_VIOLATION || (error as { routine?: unknown }).routine === undefined;
  if (isPostgresError(error)) return false;
  // A name with several addresses, all of which refuse.
  if (error instanceof AggregateError && error.errors.length > 0) return error.errors.every(isAway);
  return AWAY_CODES.has(code) || AWAY_TEXT.test(error.message);
}

/** Causes that are looked through, at most: an error can be its own cause. */
const MOST_CAUSES = 16;

/** The first of an error and its causes that says that Postgres can't be reached now; null: none does. */
export function awayErrorIn(thrown: unknown): Error | null {
  let error: unknown = thrown;
  for (let depth = 0; depth < MOST_CAUSES && error instanceof Error; depth++) {
    const { cause } = error;
    if (isAway(error)) return error;
    error = cause;
  }
  return null;
}

/**
 * Whether an error of connecting may say that Postgres is away, or that the connection is wrong: its name doesn't resolve, or the login is
 * refused. Only who has been there before can tell.
 */
export function mayBeAway(error: unknown): error is Error {
  if (isPostgresError(error)) return error.code.startsWith('28');
  return error instanceof Error && codeOf(error) === 'ENOTFOUND';
}

function codeOf(error: Error): string {
  const { code } = error as { readonly code?: unknown };
  return typeof code === 'string' ? code : '';
}
