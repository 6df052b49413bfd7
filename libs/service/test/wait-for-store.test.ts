import { findFreePort, startPostgres } from '@longshore/embedded';
import { checkSchema, migrateStore } from '@longshore/store';
import type { Logger } from '@longshore/telemetry';
import { expect, onTestFinished, test } from 'vitest';
import { waitForStore } from '../src/wait-for-store.ts';
import { silent, storeOf, useServer, withClient } from './test-store.ts';

const server = useServer();
const never = new AbortController().signal;

/** A logger that calls back when the waiting says that it waits. */
function onWaiting(callback: () => void): Logger {
  const logger = silent.child({});
  logger.warn = () => callback();
  return logger;
}

test('a store that is there is there at once; in development it gets its schema', async () => {
  const url = await server.url();
  const store = storeOf(url);
  await waitForStore(store, url, 'development', silent, never);
  await checkSchema(store);
  await waitForStore(store, url, 'production', silent, never);
});

test('several services may start on an empty database at the same time', async () => {
  const url = await server.url();
  await Promise.all(Array.from({ length: 4 }, () => waitForStore(storeOf(url), url, 'development', silent, never)));
});

test('in production it waits until somebody migrates', async () => {
  const url = await server.url();
  const waiting = Promise.withResolvers<undefined>();
  const logger = onWaiting(() => waiting.resolve(undefined));
  const done = waitForStore(storeOf(url), url, 'production', logger, never);
  await waiting.promise;
  await migrateStore(url);
  await done;
});

test('it waits for a Postgres that starts later', async () => {
  const port = await findFreePort();
  const password = 'for-this-test-only';
  const url = `postgres://postgres:${password}@127.0.0.1:${port}/postgres`;
  const waiting = Promise.withResolvers<undefined>();
  const logger = onWaiting(() => waiting.resolve(undefined));
  const store = storeOf(url);
  const done = waitForStore(store, url, 'development', logger, never);
  await waiting.promise;
  const late = await startPostgres({ port, password, durable: false });
  onTestFinished(() => late.stop());
  await done;
  await checkSchema(store);
});

test.each(['production', 'development'] as const)(
  'a newer schema is refused in %s: waiting would not help',
  async (mode) => {
    const url = await server.migratedUrl();
    await withClient(url, (client) =>
      client.query(`INSERT INTO longshore.migrations (name, timestamp) VALUES ('9999-later', 'now')`),
    );
    await expect(waitForStore(storeOf(url), url, mode, silent, never)).rejects.toMatchObject({
      code: 'STORE_SCHEMA_NEWER',
      permanent: true,
      message: expect.stringContaining('9999-later') as string,
    });
  },
);

test('a stop ends the waiting', async () => {
  const abort = new AbortController();
  const logger = onWaiting(() => abort.abort());
  const url = `postgres://postgres:x@127.0.0.1:${await findFreePort()}/postgres`;
  await expect(waitForStore(storeOf(url), url, 'production', logger, abort.signal)).rejects.toThrow(/aborted/);
});
