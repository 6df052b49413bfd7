import { DEFAULT_RETRY_POLICY } from '@longshore/core';
import { startPostgres, type EmbeddedPostgres } from '@longshore/embedded';
import { migrateStore, openStore, submitTask, type Store } from '@longshore/store';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { ClaimPlanner, type ClaimableTask } from '../src/claiming/claim-planner.ts';
import { worksGround, type WorksGround } from './fixtures/works-ground.ts';

let postgres: EmbeddedPostgres;
let store: Store;
beforeAll(async () => {
  postgres = await startPostgres({ durable: false });
  await migrateStore(postgres.url);
  store = openStore({ url: postgres.url, applicationName: 'executor-test' });
});
afterAll(async () => {
  await store.close();
  await postgres.stop();
});

/** A task of the toy type of which this node has nothing yet. */
async function newTask(key: string): Promise<ClaimableTask> {
  const settings = { priority: 512, slots: 2, slotsPerSubtask: 1, runtimeSlots: null };
  const { id } = await submitTask(store.db, {
    key,
    type: 'toy',
    typeVersion: '1.0.0',
    scope: '',
    maxNodes: null,
    onFailure: 'revert',
    retry: DEFAULT_RETRY_POLICY,
    meta: {},
    throttle: null,
    gates: null,
    selectors: null,
    pauseOn: [],
    subtaskTimeoutMs: null,
    stallTimeoutMs: null,
    deadlineMs: null,
    trace: null,
    contentHash: key,
    actor: 'client test',
    ...settings,
  });
  return { id, createdAtMs: Number(id), step: 'sleep', ...settings };
}

function plannerOf({ works, slots }: Pick<WorksGround, 'works' | 'slots'>): ClaimPlanner {
  const fail = (_task: string, error: unknown): never => {
    throw error;
  };
  return new ClaimPlanner(slots, works, () => undefined, fail);
}

test('tasks that are claimed for together have a runner each', async () => {
  const { works, slots, runners } = worksGround(store);
  const planner = plannerOf({ works, slots });
  const tasks = [await newTask('first'), await newTask('second'), await newTask('third')];
  const requests = await planner.planAll(tasks);
  expect(requests).toEqual(tasks.map(({ id }) => ({ taskId: id, limit: 2, afterOrdinal: 0, slots: 2 })));
  expect(tasks.map(({ id }) => works.get(id)?.runner)).toEqual(runners);
  expect(runners).toHaveLength(3);
});

// Tried: slots that are taken when something starts. What two claims at once asked for was held by the one node, while others were free.
test('what is being claimed is not claimed for again, until that has ended', async () => {
  const { works, slots } = worksGround(store);
  const planner = plannerOf({ works, slots });
  const tasks = [await newTask('fourth'), await newTask('fifth')];
  const first = await planner.plan(tasks.slice(0, 1));
  expect(first).toMatchObject([{ limit: 2 }]);
  expect(await planner.planAll(tasks)).toMatchObject([{ taskId: tasks[1]!.id, limit: 2 }]);
  planner.claimEnded(first);
  expect(await planner.planAll(tasks)).toMatchObject([{ taskId: tasks[0]!.id, limit: 2 }]);
});
