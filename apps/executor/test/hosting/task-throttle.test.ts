import { startPostgres, type EmbeddedPostgres } from '@longshore/embedded';
import { migrateStore, openStore, type Store } from '@longshore/store';
import { createLogger, type Logger } from '@longshore/telemetry';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { TaskThrottle, type ThrottleReason } from '../../src/hosting/task-throttle.ts';
import { submitToy } from '../fixtures/submit-toy.ts';

let postgres: EmbeddedPostgres;
let store: Store;
beforeAll(async () => {
  postgres = await startPostgres({ durable: false });
  await migrateStore(postgres.url);
  store = openStore({ url: postgres.url, applicationName: 'executor-test' });
});
afterAll(async () => {
  await store.close();
  await postgres.stop();
});

// Seen before: a line for each look, 40 in seven seconds.
test('a budget whose row stays locked is said once, and again when it can be read', async () => {
  const taskId = await submitToy(store, 'throttled', { throttle: { rows: 5 } });
  const logger: Logger = createLogger('silent', {});
  const lines: string[] = [];
  const say = (_: unknown, line?: string): void => void lines.push(line ?? '');
  vi.spyOn(logger, 'warn').mockImplementation(say);
  vi.spyOn(logger, 'info').mockImplementation(say);
  const served = Promise.withResolvers<undefined>();
  const reasons: (ThrottleReason | null)[] = [];
  const throttle = new TaskThrottle({
    store,
    logger,
    taskId,
    nodeId: 'n1',
    limits: { rows: 5 },
    hasGates: false,
    onWaiting: (_, reason) => reasons.push(reason),
  });
  // The row comes with the first lease.
  await throttle.ask('6', { rows: 1 }, true);
  await store.db.transaction().execute(async (session) => {
    await session.selectFrom('task_budgets').select('task_id').where('task_id', '=', taskId).forUpdate().execute();
    void throttle.ask('7', { rows: 5 }, true).then(() => served.resolve(undefined));
    await expect.poll(() => reasons.filter((reason) => reason?.code === 'ROW_LOCKED').length).toBeGreaterThan(2);
    expect(lines).toEqual([expect.stringContaining("reading a task's budget and gates failed")]);
  });
  await served.promise;
  expect(lines.slice(1)).toEqual([expect.stringContaining('works again')]);
  throttle.close();
});
