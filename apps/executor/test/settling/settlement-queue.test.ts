import { startPostgres, type EmbeddedPostgres } from '@longshore/embedded';
import { migrateStore, openStore, type Settlement, type Store } from '@longshore/store';
import { createLogger } from '@longshore/telemetry';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { SettlementQueue } from '../../src/settling/settlement-queue.ts';
import { NODE } from '../fixtures/node-ground.ts';

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

/** The end of a subtask that nobody knows: it is refused, which is an answer too. */
function end(id: string): Settlement {
  return { id, attempt: 1, taskId: '1', kind: 'work', rows: 0, bytes: 0, how: 'succeed', result: null };
}

/** Calls back after so many turns of the microtask queue. */
function afterMicrotasks(count: number, then: () => void): void {
  if (count === 0) then();
  else queueMicrotask(() => afterMicrotasks(count - 1, then));
}

// Seen to hang with 2: the queue had looked for more, and was not yet ready to begin anew.
test.each([0, 1, 2, 3, 4, 5, 6])('what is added %i microtasks after a write is written too', async (count) => {
  const answered: string[] = [];
  const all = Promise.withResolvers<undefined>();
  const queue = new SettlementQueue({
    store,
    logger: createLogger('silent', {}),
    identity: () => NODE,
    onGivenUp: () => undefined,
    onWritten: (_, lost) => {
      answered.push(...lost.map((one) => one.id));
      if (answered.length === 1) afterMicrotasks(count, () => queue.add([end('8')]));
      else all.resolve(undefined);
    },
  });
  queue.add([end('7')]);
  await Promise.race([all.promise, deadline(5_000)]);
  expect(answered).toEqual(['7', '8']);
  await queue.drained();
});

/** Resolves after so many milliseconds, so that a test can say what was missing. */
function deadline(ms: number): Promise<void> {
  return new Promise((resolve) => void setTimeout(resolve, ms).unref());
}
