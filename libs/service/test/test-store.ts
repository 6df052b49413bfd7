import { randomUUID } from 'node:crypto';
import { startPostgres, type EmbeddedPostgres } from '@longshore/embedded';
import { migrateStore, openStore, type Store } from '@longshore/store';
import { createLogger, type Logger } from '@longshore/telemetry';
import pg from 'pg';
import { afterAll, beforeAll, onTestFinished } from 'vitest';

export const silent: Logger = createLogger('silent', {});

/** One server for a test file; `url()` is a new empty database of it. */
export function useServer(): { url: () => Promise<string>; migratedUrl: () => Promise<string> } {
  let server: EmbeddedPostgres;
  beforeAll(async () => {
    server = await startPostgres({ durable: false });
  });
  afterAll(() => server.stop());
  const url = async (): Promise<string> => {
    const name = `db_${randomUUID().replaceAll('-', '')}`;
    await withClient(server.url, (client) => client.query(`CREATE DATABASE ${name}`));
    return server.url.replace(/\/postgres$/, `/${name}`);
  };
  return {
    url,
    migratedUrl: async () => {
      const migrated = await url();
      await migrateStore(migrated);
      return migrated;
    },
  };
}

export async function withClient<T>(url: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}

/** A store that is closed with the test. */
export function storeOf(url: string): Store {
  const store = openStore({ url, applicationName: 'test' });
  onTestFinished(() => store.close());
  return store;
}
