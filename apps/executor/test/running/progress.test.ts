import type { Summary } from '@longshore/core';
import { expect, test } from 'vitest';
import { claim, NodeGround, toyTask } from '../fixtures/node-ground.ts';

/** Two subtasks that run, and what a hint says of them after their progress was stored. */
async function twoCounting() {
  const ground = new NodeGround();
  await ground.open(toyTask());
  ground.claimed(claim('7'), claim('8'));
  return {
    ground,
    count: (runId: string, summary: Summary) => {
      const progress = { runId, rows: 0, bytes: 0, phase: null, waiting: null, summary };
      ground.node.tell({ kind: 'progressed', taskId: '1', runs: [progress], at: performance.now() });
    },
    hinted: (): unknown => {
      ground.node.tell({ kind: 'progress-due' });
      const runs = ground.notedOf('save-progress').at(-1)?.runs ?? [];
      ground.node.tell({ kind: 'progress-saved', runs, lost: new Set() });
      return ground.notedOf('announce').at(-1);
    },
  };
}

test('a hint of progress says what all subtasks of the task that run here count together', async () => {
  const { count, hinted } = await twoCounting();
  count('7', { rows: 3, naps: 1 });
  count('8', { rows: 4 });
  expect(hinted()).toEqual({ do: 'announce', taskId: '1', what: 'progress', summary: { rows: 7, naps: 1 } });
});

test('also of those that told nothing since the last hint, and of none that have ended', async () => {
  const { ground, count, hinted } = await twoCounting();
  count('7', { rows: 3 });
  count('8', { rows: 4 });
  hinted();
  count('8', { rows: 5 });
  expect(hinted()).toMatchObject({ summary: { rows: 8 } });
  ground.succeed('7');
  count('8', { rows: 6 });
  expect(hinted()).toMatchObject({ summary: { rows: 6 } });
});
