import { startPostgres, type EmbeddedPostgres } from '@longshore/embedded';
import { startTcpProxy, type TcpProxy, type TestCluster } from '@longshore/testing';
import { afterAll, beforeAll, beforeEach, expect, it, onTestFailed } from 'vitest';
import { RunsFile } from '../src/runs-file.ts';
import { StoreSession } from '../src/store-session.ts';
import { deadline, startToyCluster, untilRunningOn } from '../src/toy-cluster.ts';

/** Every service reaches Postgres through a proxy that can drop connections without a word, like a firewall that lost its state. */
let postgres: EmbeddedPostgres;
let proxy: TcpProxy;
let runs: RunsFile;
let store: StoreSession;
let cluster: TestCluster;

beforeAll(async () => {
  runs = await RunsFile.make();
  postgres = await startPostgres({ durable: false });
  store = new StoreSession(postgres.url);
  proxy = await startTcpProxy({ host: postgres.host, port: postgres.port });
  cluster = await startToyCluster({ executors: 2, servers: { postgresUrl: proxy.through(postgres.url) } });
});
afterAll(async () => {
  await cluster.stop();
  await proxy.close();
  await postgres.stop();
  await runs.remove();
});
beforeEach(() => onTestFailed(() => console.error(cluster.logs())));

it('a cluster whose connections to the store were dropped silently goes on: subtasks end, nodes are watched, tasks are admitted', async () => {
  const latch = runs.newLatch();
  // The last one keeps the task at work until all has been seen, also if it loses its node more than once.
  const latches = Array.from({ length: 10 }, () => latch.path);
  const meta = { subtasks: 40, sleepMs: 30, latches, latchesFrom: 40, runsFile: runs.path };
  const before = await cluster.client.submit({ type: 'toy', slots: 2, slotsPerSubtask: 1, maxNodes: 2, meta });
  for (const node of ['executor-1', 'executor-2']) await untilRunningOn(before, node);

  proxy.dropSilently();
  const victim = cluster.cluster.processes.get('executor-2');
  victim?.kill('SIGKILL');
  await victim?.exited;
  await store.until(`SELECT state AS value FROM nodes WHERE id = 'executor-2'`, [], 'dead', 'the lost node to be dead');
  await store.until(
    `SELECT count(*)::text AS value FROM subtask_history WHERE task_id = $1 AND kind = 'work' AND state = 'succeed'`,
    [before.id],
    '39',
    'the subtasks that wait for nothing to end',
  );
  latch.open();
  expect((await before.wait(deadline())).task).toMatchObject({ state: 'succeed', result: { total: 40 } });

  const after = await cluster.client.submit({ type: 'toy', meta: { subtasks: 5 } });
  expect((await after.wait(deadline())).task).toMatchObject({ state: 'succeed', result: { total: 5 } });
});
