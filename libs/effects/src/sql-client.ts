import type { SqlClient, SqlResult, SqlRow } from '@longshore/sdk';
import type { PoolClient, QueryConfig } from 'pg';
import { traceStream } from './trace-stream.ts';

/** A statement that goes by the extended protocol, also without values: an option of the driver that its types don't name. */
interface OneStatement extends QueryConfig {
  readonly queryMode: 'extended';
}

/** Told that a statement begins. @returns what is called at its end. */
export type OnStatement = () => () => void;

/**
 * A driver's session as plugins see it. The extended protocol takes one statement at a time. By the simple one, which the driver would take
 * for a text without values, a user's words within a statement could end it and its transaction, and begin others.
 *
 * @param onStatement told of each statement. Default: nobody is.
 */
export function sqlClient(client: PoolClient, onStatement: OnStatement = () => () => undefined): SqlClient {
  return {
    query: async <R extends SqlRow>(text: string, values: readonly unknown[] = []): Promise<SqlResult<R>> => {
      const statement: OneStatement = { text, values: [...values], queryMode: 'extended' };
      const ended = onStatement();
      try {
        const result = await client.query<R>(statement);
        return { rows: result.rows, rowCount: result.rowCount };
      } finally {
        ended();
      }
    },
    stream: <S>(submittable: S): S => {
      traceStream(submittable);
      return client.query(submittable as never);
    },
  };
}
