import { pino, type Logger as PinoLogger, type LoggerOptions } from 'pino';
import { loggedError } from './log-error.ts';
import { activeSpanFields } from './trace-context.ts';

export type Logger = PinoLogger;

/** Levels of logs, least first. */
export const LOG_LEVELS = ['trace', 'debug', 'info', 'warn', 'error', 'fatal', 'silent'] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];

/**
 * Structured logs of one process: a JSON line each on stdout, with the service and its instance on every line, and with `trace_id`
 * and `span_id` on those that are written within a span.
 *
 * @param fields what every line carries, such as `service` and `instance`.
 */
export function createLogger(level: LogLevel, fields: Readonly<Record<string, unknown>>): Logger {
  const options: LoggerOptions = {
    level,
    base: { ...fields, pid: process.pid },
    timestamp: () => `,"time":"${new Date().toISOString()}"`,
    formatters: { level: (label) => ({ level: label }) },
    messageKey: 'message',
    errorKey: 'error',
    mixin: activeSpanFields,
    serializers: { error: loggedError },
    // Nothing logs a secret on purpose; these are the fields in which one could come by accident.
    redact: {
      paths: ['*.password', '*.token', 'password', 'token', '*.url', 'url', '*.connectionString'],
      censor: '[redacted]',
    },
  };
  // Synchronous: the asynchronous destination retries a closed pipe for ever when the process exits, and so outlived a parent that
  // had been killed.
  return pino(options, pino.destination({ dest: 1, sync: true }));
}
