import type { SessionLimits, SessionSettings } from '@longshore/postgres';

/**
 * Server-side settings of every session in a target, sent in the start-up packet. Node can't set them on its socket, and without
 * them the session of a vanished client was still there after 20 minutes: waiting in COPY it ends by keep-alives alone
 * (7 s), running a statement by the connection check, idle in a transaction by its time-out.
 */
export const SESSION_SETTINGS: SessionSettings = {
  tcp_keepalives_idle: '5',
  tcp_keepalives_interval: '1',
  tcp_keepalives_count: '3',
  // Must exceed the longest pause of a live reader.
  tcp_user_timeout: '30s',
  client_connection_check_interval: '1s',
  // A plugin may compute between two statements; longer than this and it holds locks for nothing.
  idle_in_transaction_session_timeout: '5min',
};

/**
 * How long a client waits for a target while it connects, and after how long without a byte it asks whether the server still works. No
 * statement has a limit: a COPY, an index or a revert may take hours.
 */
export const SESSION_LIMITS: SessionLimits = { connectMs: 10_000, askMs: 5_000 };
