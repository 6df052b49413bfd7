import { openSessionPool } from '@longshore/postgres';
import { Kysely, PostgresDialect } from 'kysely';
import { expect, onTestFinished, test } from 'vitest';
import { checkSessions, migrateStore, openStore, storeRefusal, type Store } from '../../src/index.ts';
import { keepPool } from '../../src/session/pools.ts';
import { useStoreServer } from '../fixtures/store-server.ts';
import { startTransactionPooler } from '../fixtures/transaction-pooler.ts';

const server = useStoreServer();

function open(url: string): Store {
  const store = openStore({ url, applicationName: 'test' });
  onTestFinished(() => store.close());
  return store;
}

test('sessions of Postgres itself are fit', async () => {
  await checkSessions(open(server.postgres().url));
});

test('a pooler that gives sessions away after each transaction is refused', async () => {
  const { hostname, port } = new URL(server.postgres().url);
  const pooler = await startTransactionPooler({ host: hostname, port: Number(port) });
  onTestFinished(() => pooler.close());
  await expect(checkSessions(open(pooler.through(server.postgres().url)))).rejects.toMatchObject({
    code: 'STORE_POOLED',
    permanent: true,
    message: expect.stringMatching(/gives sessions away after each transaction; .*pool_mode = session/) as string,
  });
});

test('sessions without our settings are refused, and the settings are named', async () => {
  const { pool } = openSessionPool({
    url: server.postgres().url,
    applicationName: 'test',
    maxSessions: 2,
    limits: { connectMs: 5_000 },
  });
  const db: Store['db'] = new Kysely({ dialect: new PostgresDialect({ pool }) });
  keepPool(db, pool);
  onTestFinished(() => db.destroy());
  await expect(checkSessions({ db })).rejects.toMatchObject({
    code: 'STORE_POOLED',
    message: expect.stringMatching(/\(search_path, .*idle_in_transaction_session_timeout, .*\)/) as string,
  });
});

test('a pooler that does not know our settings is refused, and not waited for', () => {
  const words = Object.assign(new Error('unsupported startup parameter: options'), { code: '08P01' });
  expect(storeRefusal(words)).toMatchObject({
    code: 'STORE_POOLED',
    message: expect.stringContaining('unsupported startup parameter: options') as string,
  });
});

test.each([
  ['password', (url: URL) => (url.password = 'wrong')],
  ['database', (url: URL) => (url.pathname = '/nothing')],
])('a migration with a wrong %s says that Postgres refuses it', async (_, change) => {
  const url = new URL(server.postgres().url);
  change(url);
  await expect(migrateStore(url.href)).rejects.toMatchObject({ code: 'STORE_REFUSED', permanent: true });
});
