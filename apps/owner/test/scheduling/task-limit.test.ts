import { cancelTask, modifyTask, pauseTask, readTask, registerNode, registerType, resumeTask } from '@longshore/store';
import { expect, test } from 'vitest';
import { useOwner } from '../fixtures/owner-ground.ts';

const owner = useOwner(1);
const type = { type: 'toy', version: '1.0.0' };

test('while the limit of scheduled tasks is full, what a person asks of the others is carried out all the same', async () => {
  const { db } = owner.store();
  await registerType(db, {
    ...type,
    description: '',
    contract: 1,
    steps: ['load'],
    hooks: [],
    schema: {},
    defaults: {},
  });
  const node = {
    id: 'n1',
    scope: '',
    labels: {},
    slots: 8,
    types: [type],
    host: 'here',
    pid: 1,
    leaseTtlMs: 3_600_000,
  };
  await registerNode(db, node);
  const toy = { type: 'toy' };
  const first = await owner.submit('first', { ...toy, priority: 1 });
  const paused = await owner.submit('paused', toy);
  const changed = await owner.submit('changed', toy);
  const canceled = await owner.submit('canceled', toy);
  await owner.round();
  expect(await readTask(db, first)).toMatchObject({ reservedNodes: ['n1'], waiting: null });
  expect(await readTask(db, paused)).toMatchObject({ reservedNodes: [], waiting: { code: 'TASK_LIMIT' } });

  await pauseTask(db, paused, 'client', null);
  await modifyTask(db, changed, { slots: 3 }, 'client', null);
  await cancelTask(db, canceled, 'client', null);
  await owner.round();
  expect(await readTask(db, paused)).toMatchObject({ state: 'paused' });
  expect(await readTask(db, changed)).toMatchObject({ state: 'pending', slots: 3 });
  expect(await owner.isActive(canceled)).toBe(false);

  await resumeTask(db, paused, 'client', null);
  await owner.round();
  await owner.round();
  expect(await readTask(db, paused)).toMatchObject({ state: 'pending', waiting: { code: 'TASK_LIMIT' } });
});
