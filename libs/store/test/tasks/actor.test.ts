import type { Principal } from '@longshore/core';
import { expect, test } from 'vitest';
import { cancelTask, pauseTask, readEvents, submitTask, type Actor } from '../../src/index.ts';
import { useStoreServer } from '../fixtures/store-server.ts';
import { leadingOwner, newTask } from '../fixtures/tasks.ts';

const server = useStoreServer();

const alice: Principal = { name: 'alice', role: null, isVerified: false };
const gateway: Principal = { name: 'bob', role: 'operator', isVerified: true };
const api = (principal: Principal | null): Actor => ({ service: 'api o1', principal });

test('an event keeps apart who asked and the service that wrote it; what nobody asked for has no principal', async () => {
  const { db } = await server.store();
  const owner = await leadingOwner(db);
  const { id } = await submitTask(db, { ...newTask('a'), actor: api(alice) });
  await pauseTask(db, id, api(gateway), null);
  await owner.settle(id);
  await cancelTask(db, id, api(null), null, true);
  expect((await readEvents(db, id, 0, 9)).map(({ kind, actor, principal }) => [kind, actor, principal])).toEqual([
    ['submit', 'api o1', alice],
    ['pause', 'api o1', gateway],
    ['settle', 'owner o1', null],
    ['cancel', 'api o1', null],
  ]);
});

test('an event that is no transition names who asked too', async () => {
  const store = await server.store();
  const { id } = await submitTask(store.db, { ...newTask('a'), actor: api(alice) });
  const session = await store.session();
  await session.run(`UPDATE tasks SET state = 'reverting', step = 'load' WHERE id = $1`, [id]);
  await cancelTask(store.db, id, api(gateway), 'gone', true);
  expect((await readEvents(store.db, id, 1, 9)).map(({ kind, principal }) => [kind, principal])).toEqual([
    ['force', gateway],
  ]);
});

test('a task of the SQL function names the role that Postgres let in', async () => {
  const store = await server.store();
  const session = await store.session();
  const [user] = await session.run<{ name: string }>('SELECT session_user::text AS name');
  const [submitted] = await session.run<{ id: string }>(`SELECT longshore.submit_task('toy', '{}')::text AS id`);
  expect(await readEvents(store.db, submitted!.id, 0, 9)).toMatchObject([
    { kind: 'submit', principal: { name: user!.name, role: null, isVerified: true } },
  ]);
});
