import { describe, expect, test } from 'vitest';
import type { CrashRecord } from '@longshore/core';
import { claim, nextTurn, NodeGround, toyTask } from '../fixtures/node-ground.ts';

const once = (id: string) => ({ ...claim(id), isIdempotent: false });
const suspect = (id: string, nodes: readonly string[]) => ({
  ...claim(id),
  crashes: { nodes, alone: [], checkpoint: null } satisfies CrashRecord,
});

describe('when its lease is over', () => {
  // Without this it would go on for the whole abort grace: it is being stopped for a cancel already.
  test('what may not overlap is ended, also while it is being stopped for another reason', async () => {
    const ground = new NodeGround();
    await ground.open(toyTask());
    ground.claimed(once('7'));
    const run = ground.state.runs.liveOf('1').get('7')!;
    ground.node.tell({ kind: 'abort', run, reason: 'cancel' });
    ground.node.tell({ kind: 'abort-all', reason: 'lost-lease', which: 'non-idempotent' });
    expect(ground.runners[0]?.isAlive).toBe(true);
    ground.node.tell({ kind: 'lease-spent' });
    expect(ground.runners[0]?.isAlive).toBe(false);
  });

  test('what may run again goes on', async () => {
    const ground = new NodeGround();
    await ground.open(toyTask());
    ground.claimed(claim('7'));
    ground.node.tell({ kind: 'lease-spent' });
    expect(ground.runners[0]?.isAlive).toBe(true);
  });

  // The answer to a claim may come when the node has just stopped what it ran.
  test('nothing starts that may not overlap, and it goes back', async () => {
    const ground = new NodeGround();
    await ground.open(toyTask());
    ground.node.tell({ kind: 'lease-renewed', endsAt: 0 });
    ground.claimed(once('7'));
    expect(ground.runners[0]?.started).toEqual([]);
    expect(ground.notedOf('settle')).toMatchObject([{ settlements: [{ id: '7', how: 'hand-back' }] }]);
    ground.node.tell({ kind: 'lease-renewed', endsAt: Number.POSITIVE_INFINITY });
    ground.claimed({ ...once('7'), attempt: 2 });
    expect(ground.runners[0]?.started).toMatchObject([{ runId: '7', attempt: 2 }]);
  });
});

describe('a subtask that is suspected of crashes', () => {
  test('starts by itself, and never waits here', async () => {
    const ground = new NodeGround();
    const local = await ground.open(toyTask());
    local.mayClaimAhead = true;
    // Two have room, a third would be claimed ahead.
    ground.claimed(suspect('7', ['n2']), suspect('8', ['n2']), suspect('9', ['n2']));
    expect(local.mayClaimAhead).toBe(false);
    expect(ground.runners[0]?.started.map((run) => run.runId)).toEqual(['7', '8']);
    expect(ground.notedOf('settle')).toMatchObject([{ settlements: [{ id: '9', how: 'hand-back' }] }]);
  });

  test('runs in a process of its own after two, which is asked to stop and ended by itself', async () => {
    const ground = new NodeGround();
    await ground.open(toyTask());
    ground.claimed(claim('6'), suspect('7', ['n2', 'n3']));
    await nextTurn();
    expect(ground.runners[0]?.started.map((run) => run.runId)).toEqual(['6']);
    expect(ground.alone[0]?.started.map((run) => run.runId)).toEqual(['7']);
    const run = ground.state.runs.liveOf('1').get('7')!;
    ground.node.tell({ kind: 'grace-over', run });
    expect([ground.runners[0]?.isAlive, ground.alone[0]?.isAlive]).toEqual([true, false]);
  });
});
