import { LongshoreError } from '@longshore/core';
import { runStatements, type StatementOptions, type StatementResult } from '@longshore/postgres';
import { CliError } from '../cli-error.ts';

/** What Postgres says of a statement that it refuses. */
interface Refusal extends Error {
  /** SQLSTATE, or a code of the operating system. */
  readonly code?: string;
  readonly severity?: string;
  readonly detail?: string;
  readonly hint?: string;
}

/**
 * Runs statements in the database of a dev cluster.
 *
 * @throws {CliError} SQL_REFUSED; {LongshoreError} STORE_UNAVAILABLE; the signal's reason, after the statement was canceled.
 */
export async function runSql(
  url: string,
  sql: string,
  options: Pick<StatementOptions, 'signal' | 'onNotice'>,
): Promise<readonly StatementResult[]> {
  try {
    return await runStatements(url, sql, { applicationName: 'longshore-dev-sql', ...options });
  } catch (thrown) {
    options.signal.throwIfAborted();
    const { severity, code, message, detail, hint } = thrown as Refusal;
    if (severity === undefined) {
      throw new LongshoreError('STORE_UNAVAILABLE', `the dev database cannot be reached: ${message}`, {
        cause: thrown,
      });
    }
    const more = [detail, hint].filter((text) => text !== undefined);
    throw new CliError('SQL_REFUSED', [`${message} (${code ?? severity})`, ...more].join('. '), { cause: thrown });
  }
}
