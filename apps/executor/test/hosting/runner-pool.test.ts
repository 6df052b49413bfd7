import { createLogger } from '@longshore/telemetry';
import { expect, onTestFinished, test } from 'vitest';
import { RunnerPool } from '../../src/hosting/runner-pool.ts';

/** A pool with one type, whose tasks get two slots by default; its runners are threads. */
async function loadedPool(): Promise<RunnerPool> {
  const pool = new RunnerPool({
    nodeId: 'n1',
    clusterId: 'cluster-1',
    connections: {},
    gateConnections: {},
    settings: {},
    slotMemoryBytes: 128 * 1024 * 1024,
    fenceGraceMs: 1_000,
    isTracing: false,
    watch: { started: () => undefined, ended: () => undefined },
    logger: createLogger('silent', {}),
  });
  onTestFinished(() => pool.close());
  await pool.load('two-slot-type', new URL('../fixtures/two-slot-type.ts', import.meta.url).href);
  return pool;
}

test('a task gets the warm runner, also when the task before needed less of its memory', async () => {
  const pool = await loadedPool();
  const small = await pool.take('two-slot', 1);
  expect(small.slots).toBe(2);
  await pool.giveBack(small);
  const large = await pool.take('two-slot', 2);
  expect(large.runner).toBe(small.runner);
  await large.runner.terminate();
});

test('a runner that comes back makes a smaller one give way, and not a larger one', async () => {
  const pool = await loadedPool();
  const [warm, large, other] = [
    await pool.take('two-slot', 2),
    await pool.take('two-slot', 3),
    await pool.take('two-slot', 3),
  ];
  await pool.giveBack(warm);
  await pool.giveBack(large);
  await pool.giveBack(other);
  expect([warm, large, other].map(({ runner }) => runner.isAlive)).toEqual([false, true, false]);
  const taken = await pool.take('two-slot', 1);
  expect(taken).toBe(large);
  await pool.giveBack(taken);
  await pool.close();
  expect(large.runner.isAlive).toBe(false);
});

test('a runner that has ended is not kept', async () => {
  const pool = await loadedPool();
  const first = await pool.take('two-slot', 2);
  await first.runner.terminate();
  await pool.giveBack(first);
  const second = await pool.take('two-slot', 2);
  expect([second.runner.isAlive, second.runner === first.runner]).toEqual([true, false]);
  await second.runner.terminate();
});
