import { startPostgres, type EmbeddedPostgres } from '@longshore/embedded';
import { migrateStore, openStore, type Settlement, type Store } from '@longshore/store';
import { createLogger } from '@longshore/telemetry';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { SettlementQueue } from '../../src/settling/settlement-queue.ts';
import { NODE } from '../fixtures/node-ground.ts';
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

test('results of a task that another session has locked wait, and those of no other', async () => {
  const [locked, other] = [await submitToy(store, 'locked'), await submitToy(store, 'other')];
  const answered = new Map<string, () => void>();
  const answerOf = (id: string) => new Promise<string>((resolve) => answered.set(id, () => resolve(id)));
  const queue = new SettlementQueue({
    store,
    logger: createLogger('silent', {}),
    identity: () => NODE,
    onGivenUp: () => undefined,
    onWritten: (_, lost) => {
      for (const one of lost) answered.get(one.id)?.();
    },
  });
  /** A release leaves an event, for which the task's row is locked. */
  const released = (id: string, taskId: string): Settlement => ({ ...end(id), taskId, how: 'release', reason: 'test' });
  const first = answerOf('11');
  await store.db.transaction().execute(async (session) => {
    await session.selectFrom('tasks').select('id').where('id', '=', locked).forUpdate().execute();
    const ofOther = [answerOf('12'), answerOf('13')];
    queue.add([released('11', locked), released('12', other)]);
    expect(await ofOther[0]).toBe('12');
    queue.add([released('14', locked), released('13', other)]);
    expect(await ofOther[1]).toBe('13');
  });
  expect(await first).toBe('11');
  await queue.drained();
});

// Seen before: the whole batch was tried five times and then given up, so that work of others ended as NODE_LOST.
test('what Postgres refuses for its data fails alone, and the rest of its batch is written', async () => {
  const answered: Settlement[] = [];
  const givenUp: string[] = [];
  const queue = new SettlementQueue({
    store,
    logger: createLogger('silent', {}),
    identity: () => NODE,
    onGivenUp: (batch) => givenUp.push(...batch.map((one) => one.id)),
    onWritten: (written, lost) => answered.push(...written, ...lost),
  });
  const task = await submitToy(store, 'refused');
  const bad = [{ rows: 0.5 }, { bytes: 1e308 }, { rows: -(2 ** 70) }];
  const batch = Array.from({ length: 30 }, (_, index) => ({
    ...end(String(100 + index)),
    taskId: task,
    ...(index % 10 === 7 ? bad[(index - 7) / 10] : {}),
  })) as Settlement[];
  queue.add(batch);
  await queue.drained();
  const failed = answered.filter((one) => one.how === 'fail' && one.error.code === 'STORE_DATA_REFUSED');
  expect(failed.map((one) => one.id)).toEqual(['107', '117', '127']);
  expect(answered.map((one) => one.id)).toEqual(batch.map((one) => one.id));
  expect(givenUp).toEqual([]);
});

test('an end that is refused in every form is given up, and no other', async () => {
  const givenUp: string[] = [];
  const answered: string[] = [];
  const queue = new SettlementQueue({
    store,
    logger: createLogger('silent', {}),
    identity: () => NODE,
    onGivenUp: (batch) => givenUp.push(...batch.map((one) => one.id)),
    onWritten: (_, lost) => answered.push(...lost.map((one) => one.id)),
  });
  queue.add([end('201'), { ...end('202'), attempt: 2 ** 40 }, end('203')]);
  await queue.drained();
  expect([answered, givenUp]).toEqual([['201', '202', '203'], ['202']]);
});

/** Resolves after so many milliseconds, so that a test can say what was missing. */
function deadline(ms: number): Promise<void> {
  return new Promise((resolve) => void setTimeout(resolve, ms).unref());
}
