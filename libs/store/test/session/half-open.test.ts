import { startTcpProxy, waitUntil, type TcpProxy } from '@longshore/test-kit';
import { afterAll, beforeAll, expect, onTestFinished, test } from 'vitest';
import { sql } from 'kysely';
import { listenForSubmits, openStore, readNodes, type Store } from '../../src/index.ts';
import { inTransaction } from '../../src/session/transactions.ts';
import { useStoreServer, type TestStore } from '../fixtures/store-server.ts';

const server = useStoreServer();
let proxy: TcpProxy;

beforeAll(async () => {
  const { host, port } = server.postgres();
  proxy = await startTcpProxy({ host, port });
});
afterAll(() => proxy.close());

function throughProxy({ url }: TestStore): Store {
  const store = openStore({ url: proxy.through(url), applicationName: 'proxied', maxConnections: 3 });
  onTestFinished(() => store.close());
  return store;
}

// Seen to fail, all of them: nothing waited for less than for ever.
test('a read whose connection was dropped fails as an outage, and the next one succeeds', async () => {
  const { db } = throughProxy(await server.store());
  await readNodes(db);
  proxy.dropSilently();
  await expect(readNodes(db)).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
  expect(await readNodes(db)).toEqual([]);
});

test('a transaction whose connection was dropped fails as an outage, writes nothing, and keeps nobody waiting', async () => {
  const store = await server.store();
  const { db } = throughProxy(store);
  const cut = inTransaction(db, async (tx) => {
    await sql`UPDATE leases SET holder = 'cut' WHERE name = 'owner'`.execute(tx);
    proxy.dropSilently();
    await sql`SELECT 1`.execute(tx);
  });
  await expect(cut).rejects.toMatchObject({ code: 'STORE_UNAVAILABLE' });
  const next = await inTransaction(db, async (tx) => {
    const { rows } = await sql<{ holder: string }>`SELECT holder FROM leases WHERE name = 'owner' FOR UPDATE`.execute(
      tx,
    );
    return rows[0]?.holder;
  });
  expect(next).not.toBe('cut');
});

test('a listener whose connection was dropped listens again', async () => {
  const { db } = throughProxy(await server.store());
  const stopping = new AbortController();
  let heard = 0;
  const errors: unknown[] = [];
  const listening = listenForSubmits(db, {
    onSubmit: () => (heard += 1),
    onError: (error) => errors.push(error),
    signal: stopping.signal,
  });
  await waitUntil(
    () => heard,
    (count) => count === 1,
    { what: 'the listener to listen' },
  );
  proxy.dropSilently();
  // It says so each time it begins to listen.
  await waitUntil(
    () => heard,
    (count) => count === 2,
    { what: 'the listener to listen again' },
  );
  expect(errors).toMatchObject([{ code: 'STORE_UNAVAILABLE' }]);
  stopping.abort();
  await listening;
});
