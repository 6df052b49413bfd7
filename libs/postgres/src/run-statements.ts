import type pg from 'pg';
import { SessionClient } from './session-client.ts';

/** What one statement gave. */
export interface StatementResult {
  /** `SELECT`, `CREATE` */
  readonly command: string;
  /** Rows that it gave or changed; null for a statement that has none. */
  readonly rowCount: number | null;
  /** Names of the columns; empty when it gives no rows. */
  readonly columns: readonly string[];
  /** Values as Postgres writes them. */
  readonly rows: readonly (readonly (string | null)[])[];
}

/** How statements are run. */
export interface StatementOptions {
  readonly applicationName: string;
  /** Aborting it cancels the statement that runs. */
  readonly signal: AbortSignal;
  /** Told of each notice, as `NOTICE: …`. */
  readonly onNotice: (text: string) => void;
}

/**
 * Runs what a person wrote: one or several statements in a session of its own. Several are one transaction unless they say otherwise.
 *
 * @returns a result for each statement.
 * @throws the signal's reason when it aborts; what the driver or Postgres says.
 */
export async function runStatements(
  url: string,
  text: string,
  { applicationName, signal, onNotice }: StatementOptions,
): Promise<readonly StatementResult[]> {
  signal.throwIfAborted();
  const client = new SessionClient({ connectionString: url, application_name: applicationName }, false);
  // What waits for the session fails with it.
  client.on('error', () => undefined);
  client.on('notice', ({ severity, message }) => onNotice(`${severity ?? 'NOTICE'}: ${message ?? ''}`));
  const stop = (): void => void cancel(url, client);
  signal.addEventListener('abort', stop, { once: true });
  try {
    await client.connect();
    signal.throwIfAborted();
    const types = { getTypeParser: () => String } as unknown as pg.CustomTypesConfig;
    const given: unknown = await client.query({ text, rowMode: 'array', types });
    return ([given].flat() as pg.QueryArrayResult[]).filter((one) => isStatement(one)).map(resultOf);
  } catch (thrown) {
    signal.throwIfAborted();
    throw thrown;
  } finally {
    signal.removeEventListener('abort', stop);
    await client.end().catch(() => undefined);
  }
}

/** An empty text is none. */
function isStatement({ command }: { readonly command: string | null }): boolean {
  return command !== null;
}

function resultOf({ command, rowCount, fields, rows }: pg.QueryArrayResult): StatementResult {
  return { command, rowCount, columns: fields.map(({ name }) => name), rows: rows as (string | null)[][] };
}

/** As psql does at a Ctrl-C: the server would go on otherwise. */
async function cancel(url: string, client: SessionClient): Promise<void> {
  const other = new SessionClient({ connectionString: url }, false);
  other.on('error', () => undefined);
  try {
    await other.connect();
    await other.query('SELECT pg_cancel_backend($1)', [client.processID]);
  } catch (thrown) {
    client.breakOff(thrown as Error);
  } finally {
    await other.end().catch(() => undefined);
  }
}
