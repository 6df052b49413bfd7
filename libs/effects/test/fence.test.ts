import type { SqlClient, TargetConnection } from '@longshore/sdk';
import { describe, expect, test } from 'vitest';
import { fenceKey } from '../src/effects-schema.ts';
import { useTargetServer } from './fixtures/target-server.ts';

const target = useTargetServer();

type Effect = (connection: TargetConnection) => Promise<unknown>;

const insert = async (client: SqlClient): Promise<null> => {
  await client.query('INSERT INTO t VALUES (1)');
  return null;
};
const EFFECTS: readonly (readonly [string, Effect])[] = [
  ['effectOnce', (connection) => connection.effectOnce(insert)],
  ['effectBatches', (connection) => connection.effectBatches(null, (batches) => batches.batch(insert))],
  ['effectSession', (connection) => connection.effectSession(insert)],
];

/** Makes the target's sessions start under another level than the server's. */
function withDefaultLevel(url: string, level: string): string {
  const changed = new URL(url);
  changed.searchParams.set('options', `-c default_transaction_isolation=${level.replaceAll(' ', '\\ ')}`);
  return changed.href;
}

/**
 * The effect began while the fence was open, and waits for the one that closes it. ✗ tried: lock and row in one statement (also as a
 * function that is not volatile): its snapshot was older than the wait, and it passed the closed fence. ✗ tried: a transaction without
 * its level said, where the target's default is a higher one: the same.
 */
describe.each(['read committed', 'serializable'])('where the default is %s', (level) => {
  test.each(EFFECTS)('%s finds the fence closed for which it waited', async (_, effect) => {
    const store = await target();
    await store.openFence();
    const closing = await store.session();
    await closing.run('BEGIN');
    await closing.run(`SELECT pg_advisory_xact_lock(${fenceKey(`'cluster-a'`, `'7'`)})`);
    const late = effect(store.attempt({ url: withDefaultLevel(store.url, level) }).connection);
    const outcome = late.catch((error: unknown) => error);
    await store.blocked('ls/7/1/1');
    await closing.run('UPDATE longshore_effects.fence SET is_open = false');
    await closing.run('COMMIT');
    expect(await outcome).toMatchObject({ code: 'EFFECTS_FENCE_CLOSED', permanent: true });
    expect(await store.rows()).toEqual([]);
  });
});

// Tried: closing the row in the transaction that waits for the lock. Newcomers went in as long as one was in it.
test('while a revert waits for those that are in, newcomers are refused at once', async () => {
  const store = await target();
  await store.openFence();
  const begun = Promise.withResolvers<null>();
  const end = Promise.withResolvers<null>();
  const first = store.attempt().connection.effectOnce(async (client) => {
    await insert(client);
    begun.resolve(null);
    await end.promise;
    return null;
  });
  await begun.promise;
  const reverting = store
    .attempt({ subtaskId: '5' })
    .connection.revertEffects((client) => client.query('DELETE FROM t'));
  await store.closed();
  await expect(store.attempt({ subtaskId: '2' }).connection.effectOnce(insert)).rejects.toMatchObject({
    code: 'EFFECTS_FENCE_CLOSED',
  });
  end.resolve(null);
  await Promise.all([first, reverting]);
  expect(await store.rows()).toEqual([]);
});

test('a revert is told that it begins before anything is done, and does nothing when it is not its any more', async () => {
  const store = await target();
  await store.openFence();
  const beforeUse = (): Promise<void> => Promise.reject(new Error('the revert is somebody else’s'));
  const refused = store.attempt({ subtaskId: '5', beforeUse }).connection.revertEffects(() => Promise.resolve(null));
  await expect(refused).rejects.toThrow('somebody else');
  await store.attempt().connection.effectOnce(insert);
  expect(await store.rows()).toEqual([1]);
});

test('a role that may not end what is in the fence of its task says so, and undoes nothing', async () => {
  const store = await target();
  await store.openFence();
  const admin = await store.session();
  await admin.run('GRANT USAGE ON SCHEMA longshore_effects TO loader');
  await admin.run('GRANT ALL ON ALL TABLES IN SCHEMA longshore_effects TO loader');
  const begun = Promise.withResolvers<null>();
  const end = Promise.withResolvers<null>();
  const inside = store.attempt().connection.effectOnce(async (client) => {
    await insert(client);
    begun.resolve(null);
    await end.promise;
    return null;
  });
  await begun.promise;
  const revert = store
    .attempt({ url: store.loaderUrl, subtaskId: '5', fenceGraceMs: 0 })
    .connection.revertEffects((client) => client.query('DELETE FROM t'));
  await expect(revert).rejects.toMatchObject({ code: 'EFFECTS_NO_TERMINATE', permanent: false });
  end.resolve(null);
  await inside;
  expect(await store.rows()).toEqual([1]);
});
