import { startPostgres, type EmbeddedPostgres } from '@longshore/embedded';
import { openTarget } from '@longshore/effects';
import pg from 'pg';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { SignsOfLife } from '../../src/worker/signs-of-life.ts';
import { waitUntil } from '@longshore/test-kit';

let server: EmbeddedPostgres;
let other: pg.Client;
beforeAll(async () => {
  server = await startPostgres({ durable: false });
  other = new pg.Client({ connectionString: server.url });
  await other.connect();
  await other.query('CREATE TABLE held (id int)');
});
afterAll(async () => {
  await other.end();
  await server.stop();
});

test('a statement in a target is one when it begins and ends, and a reason to wait when it takes long', async () => {
  const life = new SignsOfLife();
  const owner = { clusterId: 'test', taskId: '1', subtaskId: '2', step: '', attempt: 1 };
  const { signal } = new AbortController();
  const onStatement = () => life.statement('warehouse');
  const target = openTarget({ name: 'warehouse', url: server.url, owner, signal, onStatement });
  expect(life.takeChange()).toBe(false);
  await target.connection.read((client) => client.query('SELECT 1'));
  expect([life.takeChange(), life.takeChange(), life.waiting]).toEqual([true, false, null]);

  await other.query('BEGIN; LOCK TABLE held');
  const waiting = target.connection.read((client) => client.query('SELECT * FROM held'));
  await waitUntil(
    () => Promise.resolve(life.waiting),
    (reason) => reason !== null,
    { what: 'a statement that takes long' },
  );
  expect(life.waiting).toMatchObject({ code: 'TARGET_STATEMENT', message: 'it waits for a statement in warehouse' });
  expect([life.takeChange(), life.takeChange()]).toEqual([true, false]);
  await other.query('COMMIT');
  await waiting;
  expect([life.waiting, life.takeChange()]).toEqual([null, true]);
  await target.close();
});

test('a statement that fails has ended too', async () => {
  const life = new SignsOfLife();
  const owner = { clusterId: 'test', taskId: '1', subtaskId: '3', step: '', attempt: 1 };
  const { signal } = new AbortController();
  const begun: string[] = [];
  const onStatement = () => {
    begun.push('begun');
    return () => void begun.push('ended');
  };
  const target = openTarget({ name: 'warehouse', url: server.url, owner, signal, onStatement });
  await expect(target.connection.read((client) => client.query('SELECT 1 / 0'))).rejects.toThrow('division by zero');
  expect(begun).toEqual(['begun', 'ended']);
  await target.close();
  expect(life.waiting).toBeNull();
});
