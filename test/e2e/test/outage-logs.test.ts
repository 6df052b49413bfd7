import { startPostgres, type EmbeddedPostgres } from '@longshore/embedded';
import { startTcpProxy, type TcpProxy, type TestCluster } from '@longshore/testing';
import { afterAll, beforeAll, beforeEach, expect, it, onTestFailed } from 'vitest';
import { RunsFile } from '../src/runs-file.ts';
import { deadline, startToyCluster, untilLeaseOverdue } from '../src/toy-cluster.ts';

/** Every service reaches Postgres through a proxy, and each of its warnings is counted. */
let postgres: EmbeddedPostgres;
let proxy: TcpProxy;
let runs: RunsFile;
let cluster: TestCluster;
const warnings = new Map<string, number>();

beforeAll(async () => {
  runs = await RunsFile.make();
  postgres = await startPostgres({ durable: false });
  proxy = await startTcpProxy({ host: postgres.host, port: postgres.port });
  const onLine = (process: string, line: string): void => {
    if (!line.includes('"level":"warn"')) return;
    const { message } = JSON.parse(line) as { readonly message: string };
    const what = `${process}: ${message}`;
    warnings.set(what, (warnings.get(what) ?? 0) + 1);
  };
  cluster = await startToyCluster({ servers: { postgresUrl: proxy.through(postgres.url) }, onLine });
});
afterAll(async () => {
  await cluster.stop();
  await proxy.close();
  await postgres.stop();
  await runs.remove();
});
beforeEach(() => onTestFailed(() => console.error(cluster.logs())));

it('a store that is away is said once by each loop that misses it, however often that tries', async () => {
  const latch = runs.newLatch();
  const meta = { subtasks: 4, latches: [latch.path], runsFile: runs.path, partRows: 1 };
  const task = await cluster.client.submit({ type: 'toy', slots: 2, slotsPerSubtask: 1, meta });
  await runs.untilStarted(task.id, 2);
  warnings.clear();
  proxy.refuse(true);
  proxy.cut();
  latch.open();
  // A lease is ten looks for work long, and three renewals.
  await untilLeaseOverdue(cluster, 'executor-1');
  const often = [...warnings].filter(([, count]) => count > 1);
  proxy.refuse(false);
  expect((await task.wait(deadline())).task).toMatchObject({ state: 'succeed' });
  expect(often).toEqual([]);
  expect(warnings.has('executor-1: looking for work failed; trying again')).toBe(true);
});
