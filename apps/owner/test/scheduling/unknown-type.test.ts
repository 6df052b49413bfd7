import { cancelTask, pauseTask, readTask, resumeTask } from '@longshore/store';
import { expect, test } from 'vitest';
import { useOwner } from '../fixtures/owner-ground.ts';

const owner = useOwner(16);

test('a task of a type that nobody ever registered is refused, and then goes into history like any other', async () => {
  const id = await owner.submit('plain');
  await owner.round();
  expect(await readTask(owner.store().db, id)).toMatchObject({ state: 'failed', error: { code: 'TYPE_UNKNOWN' } });
  await owner.round();
  expect(await owner.isActive(id)).toBe(false);
});

test('one that was paused or canceled before anybody looked at it goes that way to its end', async () => {
  const canceled = await owner.submit('canceled');
  await cancelTask(owner.store().db, canceled, 'client', null);
  const paused = await owner.submit('paused');
  await pauseTask(owner.store().db, paused, 'client', null);
  await owner.round();
  expect(await owner.isActive(canceled)).toBe(false);
  expect(await readTask(owner.store().db, paused)).toMatchObject({ state: 'paused' });
  await resumeTask(owner.store().db, paused, 'client', null);
  for (const state of ['pending', 'failed']) {
    await owner.round();
    expect(await readTask(owner.store().db, paused)).toMatchObject({ state });
  }
  await owner.round();
  expect(await owner.isActive(paused)).toBe(false);
});
