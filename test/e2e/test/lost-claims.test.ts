import type { TestCluster } from '@longshore/testing';
import { afterAll, beforeAll, beforeEach, expect, it, onTestFailed } from 'vitest';
import { PlannedFaults } from '../src/planned-faults.ts';
import { deadline, expectEachOnce, startToyCluster } from '../src/toy-cluster.ts';

/** The node's own looks for rows that it doesn't know are ten minutes apart: what is found sooner was looked for at once. */
let faults: PlannedFaults<'claim' | 'look'>;
let cluster: TestCluster;
beforeAll(async () => {
  faults = await PlannedFaults.plan({
    claim: { at: 'claim.after-commit', do: 'fail' },
    look: { at: 'reconcile.before', do: 'fail' },
  });
  cluster = await startToyCluster({ env: { ...faults.env, LONGSHORE_RECONCILE_MS: '600000' } });
});
afterAll(async () => {
  await cluster.stop();
  await faults.remove();
});
beforeEach(() => onTestFailed(() => console.error(cluster.logs())));

it('what a claim brought whose answer was lost is handed back at once, also when the first look fails', async () => {
  await faults.arm('look');
  await faults.arm('claim');
  const task = await cluster.client.submit({ type: 'toy', meta: { subtasks: 5 } });
  await faults.happened('claim');
  await faults.happened('look');
  expect((await task.wait(deadline())).task).toMatchObject({ state: 'succeed', result: { total: 5 } });
  await expectEachOnce(task, 5);
});
