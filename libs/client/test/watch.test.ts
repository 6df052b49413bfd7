import { startBroker, type Broker } from '@longshore/embedded';
import { afterEach, beforeEach, describe, expect, onTestFinished, test, vi } from 'vitest';
import { connectLongshore, type LongshoreClient, type TaskDetail, type TaskHandle } from '../src/index.ts';
import { FakeOwner } from './fake-owner.ts';

let broker: Broker;
let owner: FakeOwner;
let client: LongshoreClient;
let task: TaskHandle;

beforeEach(async () => {
  broker = await startBroker();
  owner = await FakeOwner.start(broker.url, 'test');
  client = await connectLongshore({ servers: broker.url, cluster: 'test', requestTimeoutMs: 200 });
  owner.put({ state: 'pending' });
  task = await client.task({ id: '1' });
});

afterEach(async () => {
  await client.close();
  await owner.bus.close();
  await broker.stop();
});

/** Far beyond the test's deadline: whatever the watch sees, it sees by a hint. */
const NEVER_MS = 3_600_000;

describe('a watch', () => {
  test('starts with a snapshot, shows each change and ends with the task', async () => {
    const states: string[] = [];
    for await (const { task: seen } of task.watch({ pollIntervalMs: NEVER_MS })) {
      states.push(seen.state);
      if (seen.state === 'pending') owner.change('1', { state: 'running' });
      if (seen.state === 'running') owner.change('1', { state: 'succeed', outcome: 'succeeded' });
    }
    expect(states).toEqual(['pending', 'running', 'succeed']);
  });

  test('looks at once when the state changed, however short ago the last look was', async () => {
    // No pause of the watch ever ends by its time.
    vi.useFakeTimers({ toFake: ['setTimeout'] });
    onTestFinished(() => void vi.useRealTimers());
    const states: string[] = [];
    for await (const { task: seen } of task.watch({ pollIntervalMs: NEVER_MS })) {
      states.push(seen.state);
      owner.change('1', { state: seen.state === 'pending' ? 'running' : 'succeed' });
    }
    expect(states).toEqual(['pending', 'running', 'succeed']);
  });

  test('finds what lost hints did not say', async () => {
    const states: string[] = [];
    for await (const { task: seen } of task.watch({ pollIntervalMs: 500 })) {
      states.push(seen.state);
      owner.change('1', { state: 'succeed', outcome: 'succeeded' }, false);
    }
    expect(states).toEqual(['pending', 'succeed']);
  });

  test('turns a thousand hints into two looks a second, and repeats nothing', async () => {
    const hinting = setInterval(() => Array.from({ length: 10 }, () => owner.hint('1', 'progress')), 10);
    const stop = new AbortController();
    const seen: TaskDetail[] = [];
    setTimeout(() => stop.abort(new Error('seen enough')), 1_300);
    const watching = (async () => {
      for await (const snapshot of task.watch({ signal: stop.signal })) seen.push(snapshot);
    })();
    await expect(watching).rejects.toThrow('seen enough');
    clearInterval(hinting);
    expect(seen).toHaveLength(1);
    // One look for the handle; three for the watch: at 0, 500 and 1,000 ms.
    expect(owner.asked['task.get']).toBeLessThanOrEqual(4);
  });

  test('asks for progress only once when it waits for the end', async () => {
    const before = owner.asked['task.get'] ?? 0;
    const waiting = task.wait({ pollIntervalMs: NEVER_MS });
    owner.change('1', { state: 'running' });
    owner.change('1', { state: 'succeed', outcome: 'succeeded' });
    expect((await waiting).task.state).toBe('succeed');
    expect(owner.asked['task.get']).toBe(before + 1);
  });

  test('goes on when the owner was away', async () => {
    const problems: string[] = [];
    await owner.leave();
    const end = task.wait({
      pollIntervalMs: 500,
      onProblem: (problem) => {
        problems.push((problem as Error & { code: string }).code);
        owner.change('1', { state: 'succeed', outcome: 'succeeded' }, false);
        void owner.answer();
      },
    });
    expect((await end).task.state).toBe('succeed');
    expect(problems).toContain('BUS_UNAVAILABLE');
  });

  test('goes on when the connection was lost, and looks as soon as it is back', async () => {
    const waiting = task.wait({ pollIntervalMs: 500, until: ({ task: seen }) => seen.state === 'running' });
    await broker.stop();
    broker = await startBroker({ port: broker.port });
    owner.change('1', { state: 'running' }, false);
    expect((await waiting).task.state).toBe('running');
  });

  test("ends with the signal's reason", async () => {
    const reason = new Error('enough');
    await expect(task.wait({ signal: AbortSignal.abort(reason) })).rejects.toBe(reason);
    const stop = new AbortController();
    const waiting = task.wait({ signal: stop.signal, pollIntervalMs: NEVER_MS });
    stop.abort(reason);
    await expect(waiting).rejects.toBe(reason);
  });

  test('ends when the client is closed', async () => {
    const waiting = task.wait({ pollIntervalMs: NEVER_MS });
    const refused = expect(waiting).rejects.toMatchObject({ code: 'BUS_UNAVAILABLE' });
    await client.close();
    await refused;
    await expect(task.get()).rejects.toThrow('this client was closed');
  });

  test('throws what an owner refuses with', async () => {
    owner.tasks.clear();
    await expect(task.wait()).rejects.toMatchObject({ code: 'TASK_NOT_FOUND' });
  });

  test('leaves no subscription behind', async () => {
    const before = broker.stats.subscriptions;
    for await (const snapshot of task.watch()) {
      expect(snapshot.task.state).toBe('pending');
      expect(broker.stats.subscriptions).toBe(before + 1);
      break;
    }
    await client.nodes();
    expect(broker.stats.subscriptions).toBe(before);
  });
});
