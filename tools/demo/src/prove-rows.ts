import { Client } from 'pg';
import type { GeneratedCsv } from './generate-csv.ts';
import { CHECKSUM_SQL, TABLE_SQL } from './row-checksum.ts';

/** Count and checksum of both sides. */
export interface Proof {
  readonly made: { readonly rows: number; readonly checksum: bigint };
  readonly loaded: { readonly rows: number; readonly checksum: bigint };
  readonly holds: boolean;
}

/** Makes the empty table that the import fills. */
export function createTable(databaseUrl: string): Promise<unknown> {
  return withConnection(databaseUrl, (client) => client.query(TABLE_SQL));
}

/** Compares what the generator made with what the table holds. */
export function proveRows(databaseUrl: string, csv: GeneratedCsv): Promise<Proof> {
  return withConnection(databaseUrl, async (client) => {
    const { rows } = await client.query<{ rows: string; checksum: string }>(CHECKSUM_SQL);
    const loaded = { rows: Number(rows[0]?.rows ?? 0), checksum: BigInt(rows[0]?.checksum ?? 0) };
    const holds = loaded.rows === csv.rows && loaded.checksum === csv.checksum;
    return { made: { rows: csv.rows, checksum: csv.checksum }, loaded, holds };
  });
}

async function withConnection<T>(databaseUrl: string, work: (client: Client) => Promise<T>): Promise<T> {
  const client = new Client({ connectionString: databaseUrl, application_name: 'longshore-demo' });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}
