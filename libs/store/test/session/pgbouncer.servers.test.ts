import { expect, onTestFinished, test } from 'vitest';
import { checkSessions, openStore } from '../../src/index.ts';
import { SESSION_SETTINGS } from '../../src/session/open-store.ts';
import { needPgBouncer, startPgBouncer } from '../fixtures/pgbouncer.ts';
import { useStoreServer } from '../fixtures/store-server.ts';

needPgBouncer();
const server = useStoreServer();

/** Checks the sessions that a PgBouncer with these settings gives. */
async function check(url: string, settings: readonly string[]): Promise<void> {
  const pooler = await startPgBouncer(url, settings);
  onTestFinished(() => pooler.stop());
  const store = openStore({ url: pooler.url, applicationName: 'test' });
  onTestFinished(() => store.close());
  await checkSessions(store);
}

test('PgBouncer that pools transactions is refused', async () => {
  const checking = check(server.postgres().url, ['pool_mode = transaction', 'ignore_startup_parameters = options']);
  await expect(checking).rejects.toMatchObject({
    code: 'STORE_POOLED',
    message: expect.stringContaining('pool_mode = session') as string,
  });
});

test('PgBouncer that doesn’t know our settings is refused in its own words', async () => {
  const checking = check(server.postgres().url, ['pool_mode = session']);
  await expect(checking).rejects.toMatchObject({
    code: 'STORE_POOLED',
    message: expect.stringContaining('options') as string,
  });
});

test('PgBouncer that pools sessions is fit, when the role has our settings', async () => {
  const store = await server.ownStore();
  const session = await store.session();
  for (const [name, value] of Object.entries(SESSION_SETTINGS)) {
    await session.run(
      `ALTER ROLE postgres IN DATABASE ${new URL(store.url).pathname.slice(1)} SET ${name} = '${value}'`,
    );
  }
  await check(store.url, ['pool_mode = session', 'ignore_startup_parameters = options']);
});
