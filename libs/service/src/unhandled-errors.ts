/** How an error came here without anybody who handles it: as Node calls it. */
export type UnhandledOrigin = 'uncaughtException' | 'unhandledRejection';

/**
 * Tells of errors of this process that nobody handles. Without this, Node ends the process at the first one: nothing is in the log, and
 * nothing is handed back.
 */
export function onUnhandled(tell: (error: unknown, origin: UnhandledOrigin) => void): void {
  process.on('uncaughtException', (error, origin) => tell(error, origin));
  process.on('unhandledRejection', (reason) => tell(reason, 'unhandledRejection'));
}
