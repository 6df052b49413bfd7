import type { SessionLimits, SessionSettings } from '@longshore/postgres';

/** How long to wait for a session, before STORE_UNAVAILABLE. */
const CONNECT_MS = 5_000;
/**
 * After how long without a byte a second session asks whether the server still works, in milliseconds. Hardly any statement takes as long, and a
 * look costs a connection. With the look a dropped connection is replaced after about 4 s, within the leases' default times.
 */
const ASK_MS = 3_000;
/** How much longer than the server the client waits, in milliseconds: the server's own error is to arrive first, and says more. */
const ANSWER_MARGIN_MS = 5_000;

/** @param settings what the sessions are started with; the client's limit follows the server's. */
export function storeLimits(settings: SessionSettings): SessionLimits {
  const timeoutMs = toMs(settings['statement_timeout'] ?? '');
  return {
    connectMs: CONNECT_MS,
    askMs: ASK_MS,
    answerMs: timeoutMs === null ? undefined : timeoutMs + ANSWER_MARGIN_MS,
  };
}

/** One session elects or renews, and another one ends what keeps the first waiting. */
export const LEASE_SESSIONS = 2;

/**
 * Parts of a lease. A renewal begins when a third of it is over. If the client gives up after 0.45 more, a fifth is left for the
 * next try by a new session. More would leave none, less would give up on a slow disk.
 */
const LEASE_STATEMENT_PART = 0.4;
const LEASE_ANSWER_PART = 0.45;

/** The server's limits in sessions for a lease, so that nothing of it happens after the client has given up. */
export function leaseSettings(ttlMs: number): SessionSettings {
  const timeout = `${Math.round(ttlMs * LEASE_STATEMENT_PART)}ms`;
  return { statement_timeout: timeout, lock_timeout: timeout, idle_in_transaction_session_timeout: timeout };
}

/** The client's limits in sessions for a lease: nobody is asked, the session is replaced. */
export function leaseLimits(ttlMs: number): SessionLimits {
  const limitMs = Math.round(ttlMs * LEASE_ANSWER_PART);
  return { connectMs: limitMs, answerMs: limitMs };
}

/** Milliseconds of a time as Postgres takes it, as far as we use such. Null: no limit, or one that only the server knows. */
function toMs(time: string): number | null {
  const match = /^(\d+)(ms|s)?$/.exec(time);
  if (match === null) return null;
  const ms = Number(match[1]) * (match[2] === 's' ? 1_000 : 1);
  return ms === 0 ? null : ms;
}
