import type { SubtaskAttempt } from '@longshore/store';
import { expect, test } from 'vitest';
import type { Claim } from '../../src/claiming/claim.ts';
import { claim, NODE, NodeGround, toyTask } from '../fixtures/node-ground.ts';

/** A node that has found rows which it doesn't know, while a claim is under way. */
async function searching(...ids: string[]) {
  const ground = new NodeGround();
  await ground.open(toyTask());
  const made: Claim = { requests: [], controls: [], hinted: [], leases: [ground.state.slots.keep('1', 2)] };
  ground.state.claims.add(made);
  const answers: (readonly SubtaskAttempt[])[] = [];
  const found = ids.map((id) => ({ id, attempt: 1 }));
  ground.node.tell({ kind: 'unknown-found', found, answer: (unknown) => void answers.push(unknown) });
  return { ground, made, answers };
}

test('rows that were found wait for the claims that can have brought them, and what these bring is known', async () => {
  const { ground, made, answers } = await searching('7', '8');
  expect(answers).toEqual([]);
  ground.node.tell({ kind: 'claimed', claim: made, rows: [claim('7')], identity: NODE, at: 0 });
  expect(answers).toEqual([[{ id: '8', attempt: 1 }]]);
});

test('a claim of which nobody knows what it came to brings nothing that is known', async () => {
  const { ground, made, answers } = await searching('7');
  ground.node.tell({ kind: 'claim-failed', claim: made, error: new Error('the connection was lost') });
  expect(answers).toEqual([[{ id: '7', attempt: 1 }]]);
  expect([ground.state.claims.size, ground.state.slots.free]).toEqual([0, 16]);
});

test('claims that begin later are not waited for', async () => {
  const { ground, made, answers } = await searching('7');
  ground.state.claims.add({ requests: [], controls: [], hinted: [], leases: [] });
  ground.node.tell({ kind: 'claimed', claim: made, rows: [], identity: NODE, at: 0 });
  expect(answers).toHaveLength(1);
});

test('what runs, waits, or has an end that is not written is known', async () => {
  const { ground, made, answers } = await searching('7', '8', '9', '10');
  const rows = ['7', '8', '9'].map((id) => claim(id));
  ground.node.tell({ kind: 'claimed', claim: made, rows, identity: NODE, at: 0 });
  expect(answers).toEqual([[{ id: '10', attempt: 1 }]]);
  ground.succeed('7');
  const after: SubtaskAttempt[] = [];
  const found = ['7', '8', '9'].map((id) => ({ id, attempt: 1 }));
  ground.node.tell({ kind: 'unknown-found', found, answer: (unknown) => void after.push(...unknown) });
  expect(after).toEqual([]);
});

test('work of a task that has no runner here goes back at once', () => {
  const ground = new NodeGround();
  ground.claimed(claim('7'));
  expect(ground.notedOf('settle')).toMatchObject([{ settlements: [{ id: '7', attempt: 1, how: 'hand-back' }] }]);
});

test('a subtask that is claimed anew while an older attempt still runs here waits for its end', async () => {
  const ground = new NodeGround();
  await ground.open(toyTask());
  ground.claimed(claim('7'));
  ground.claimed({ ...claim('7'), attempt: 2 });
  const [runner] = ground.runners;
  expect(runner?.started.map((spec) => spec.attempt)).toEqual([1]);
  ground.succeed('7');
  expect(runner?.started.map((spec) => spec.attempt)).toEqual([1, 2]);
  ground.succeed('7');
  expect(ground.state.slots.used).toBe(0);
});
