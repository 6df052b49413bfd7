import { startPostgres, type EmbeddedPostgres } from '@longshore/embedded';
import {
  cancelTask,
  electLeader,
  migrateStore,
  openStore,
  ownerWrites,
  pauseTask,
  readTask,
  resumeTask,
  submitTask,
  type NewTask,
  type Store,
} from '@longshore/store';
import { DEFAULT_RETRY_POLICY } from '@longshore/core';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { schedulingRounds } from '../src/internal.ts';

let postgres: EmbeddedPostgres;
let store: Store;
let pass: () => Promise<unknown>;

beforeAll(async () => {
  postgres = await startPostgres({ durable: false });
  await migrateStore(postgres.url);
  store = openStore({ url: postgres.url, applicationName: 'owner-test' });
  const lease = await electLeader(store.db, 'owner', 'o1', 3_600_000);
  if (lease === null) throw new Error('somebody leads already');
  pass = schedulingRounds({
    db: store.db,
    writes: ownerWrites(store.db, lease, 'owner o1'),
    logger: {
      error: (fields: unknown) => {
        throw new Error('a task could not be moved on', { cause: fields });
      },
    },
    tracing: null,
    maxScheduledTasks: 16,
  });
});

afterAll(async () => {
  await store.close();
  await postgres.stop();
});

async function submit(key: string): Promise<string> {
  const task: NewTask = {
    key,
    type: 'nobody-has-it',
    typeVersion: '1.0.0',
    priority: 512,
    scope: '',
    slots: 1,
    slotsPerSubtask: 1,
    maxNodes: null,
    onFailure: 'revert',
    retry: DEFAULT_RETRY_POLICY,
    meta: {},
    throttle: null,
    gates: null,
    runtimeSlots: null,
    selectors: null,
    pauseOn: [],
    subtaskTimeoutMs: null,
    stallTimeoutMs: null,
    deadlineMs: null,
    trace: null,
    contentHash: key,
    actor: 'client test',
  };
  return (await submitTask(store.db, task)).id;
}

const isActive = async (id: string): Promise<boolean> =>
  (await store.db.selectFrom('tasks').select('id').where('id', '=', id).execute()).length > 0;

test('a task of a type that nobody ever registered is refused, and then goes into history like any other', async () => {
  const id = await submit('plain');
  await pass();
  expect(await readTask(store.db, id)).toMatchObject({ state: 'failed', error: { code: 'TYPE_UNKNOWN' } });
  await pass();
  expect(await isActive(id)).toBe(false);
});

test('one that was paused or canceled before anybody looked at it goes that way to its end', async () => {
  const canceled = await submit('canceled');
  await cancelTask(store.db, canceled, 'client', null);
  const paused = await submit('paused');
  await pauseTask(store.db, paused, 'client', null);
  await pass();
  expect(await isActive(canceled)).toBe(false);
  expect(await readTask(store.db, paused)).toMatchObject({ state: 'paused' });
  await resumeTask(store.db, paused, 'client', null);
  for (const state of ['pending', 'failed']) {
    await pass();
    expect(await readTask(store.db, paused)).toMatchObject({ state });
  }
  await pass();
  expect(await isActive(paused)).toBe(false);
});
