import { agreeOnLease, migrateStore, openStore } from '@longshore/store';
import { expect, onTestFinished, test } from 'vitest';
import { duringStart } from '../src/during-start.ts';
import { silent, useServer, withClient } from './test-store.ts';

const server = useServer();

test('a start waits for a row that somebody keeps locked, says so, and goes on when it is free', async () => {
  const url = await server.url();
  await migrateStore(url);
  const store = openStore({ url, applicationName: 'starting', settings: { lock_timeout: '100ms' } });
  onTestFinished(() => store.close());
  const first = await agreeOnLease(store.db, {});
  const waiting = Promise.withResolvers<string>();
  const logger = silent.child({});
  logger.warn = (...line: unknown[]) => waiting.resolve(String(line[1]));
  const { signal } = new AbortController();

  let starting: Promise<unknown> | undefined;
  await withClient(url, async (client) => {
    await client.query('BEGIN');
    await client.query('SELECT 1 FROM longshore.settings FOR UPDATE');
    starting = duringStart({ logger, signal }, 'the settings', () => agreeOnLease(store.db, {}));
    starting.catch(() => undefined);
    expect(await waiting.promise).toContain('waiting for the settings: ');
    await client.query('ROLLBACK');
  });
  expect(await starting).toEqual(first);
});

test('a stop ends the waiting, and another error is nothing to wait for', async () => {
  const stop = new AbortController();
  const hanging = duringStart({ logger: silent, signal: stop.signal }, 'nothing', () => new Promise(() => undefined));
  const ended = expect(hanging).rejects.toMatchObject({ name: 'AbortError' });
  stop.abort();
  await ended;
  const failing = duringStart({ logger: silent, signal: new AbortController().signal }, 'nothing', () =>
    Promise.reject(new Error('a fault')),
  );
  await expect(failing).rejects.toThrow('a fault');
});
