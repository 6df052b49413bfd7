import { DEFAULT_LEASE } from '@longshore/core';
import { expect, test } from 'vitest';
import { agreeOnLease, registerNode, setNodeState, type Db } from '../../src/index.ts';
import { useStoreServer } from '../fixtures/store-server.ts';
import { addNode, LONG_MS } from '../fixtures/tasks.ts';

const server = useStoreServer();
const OTHER = { ttlMs: 3_000, marginMs: 1_000 };

function register(db: Db, agreed: typeof OTHER) {
  const node = { id: 'n1', scope: '', labels: {}, slots: 8, types: [], host: 'here', pid: 1, leaseTtlMs: LONG_MS };
  return registerNode(db, { ...node, agreed });
}

test('who asks first says what a cluster goes by; nothing said is the default, and later what is stored', async () => {
  const first = await server.store();
  expect(await agreeOnLease(first.db, {})).toEqual(DEFAULT_LEASE);
  const second = await server.store();
  expect(await agreeOnLease(second.db, OTHER)).toEqual(OTHER);
  expect(await agreeOnLease(second.db, {})).toEqual(OTHER);
  expect(await agreeOnLease(second.db, { ttlMs: 3_000 })).toEqual(OTHER);
});

test('services that ask at once all go by the same', async () => {
  const store = await server.store();
  const processes = Array.from({ length: 6 }, (_, index) => store.process(`service${index}`).db);
  const agreed = await Promise.all(processes.map((db) => agreeOnLease(db, OTHER)));
  expect(agreed).toEqual(processes.map(() => OTHER));
});

test('while a node lives, who was told something else is refused with both values', async () => {
  const { db } = await server.store();
  await agreeOnLease(db, {});
  const node = await addNode(db, 'n1');
  for (const wanted of [{ ttlMs: 3_000 }, { marginMs: 500 }]) {
    const refused = agreeOnLease(db, wanted);
    await expect(refused).rejects.toMatchObject({ code: 'CONFIG_INVALID', permanent: true });
    await expect(refused).rejects.toThrow(/node n1 .*lease 6000 ms and margin 2000 ms.*(lease 3000|margin 500) ms/);
  }
  await setNodeState(db, node, 'draining');
  await expect(agreeOnLease(db, OTHER)).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
  await setNodeState(db, node, 'stopped');
  expect(await agreeOnLease(db, OTHER)).toEqual(OTHER);
});

test('a node that died unnoticed keeps nobody from changing it', async () => {
  const { db } = await server.store();
  await agreeOnLease(db, { marginMs: 200 });
  await addNode(db, 'n1', -1_000);
  expect(await agreeOnLease(db, OTHER)).toEqual(OTHER);
});

test('a node registers only under what it has agreed to', async () => {
  const { db } = await server.store();
  const agreed = await agreeOnLease(db, {});
  await agreeOnLease(db, OTHER);
  await expect(register(db, agreed)).rejects.toMatchObject({ code: 'CONFIG_INVALID' });
  expect(await register(db, OTHER)).toEqual({ id: 'n1', epoch: '1' });
});
