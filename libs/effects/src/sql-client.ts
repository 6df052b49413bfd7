import type { SqlClient, SqlResult, SqlRow } from '@longshore/sdk';
import type { PoolClient } from 'pg';
import { traceStream } from './trace-stream.ts';

/** A driver's session as plugins see it. */
export function sqlClient(client: PoolClient): SqlClient {
  return {
    query: async <R extends SqlRow>(text: string, values?: readonly unknown[]): Promise<SqlResult<R>> => {
      const result = await client.query<R>(text, values === undefined ? [] : [...values]);
      return { rows: result.rows, rowCount: result.rowCount };
    },
    stream: <S>(submittable: S): S => {
      traceStream(submittable);
      return client.query(submittable as never);
    },
  };
}
