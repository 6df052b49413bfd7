import { SubtaskStopped } from '@longshore/sdk';
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest';
import importTaskType from '../src/index.ts';
import { openImportTarget, sampleCsv, type ImportTarget } from './import-target.ts';

const ROWS = 3_000;
let target: ImportTarget;
let path: string;

beforeAll(async () => {
  target = await openImportTarget();
  path = await target.write('items.csv', sampleCsv(ROWS));
});
afterAll(() => target.stop());
beforeEach(async () => {
  await target.client.query('DROP TABLE IF EXISTS items; CREATE TABLE items (id bigint, note text, amount numeric)');
});

const meta = (chunkBytes = 65_536) => ({ table: 'items', files: path, chunkBytes });

async function ids(): Promise<{ rows: number; distinct: number }> {
  const { rows } = await target.client.query<{ rows: number; distinct: number }>(
    'SELECT count(*)::int AS rows, count(DISTINCT id)::int AS distinct FROM items',
  );
  return rows[0]!;
}

describe('a change of the meta', () => {
  test('to chunkBytes makes the chunks that are still to be made larger, and loads every row once', async () => {
    const run = target.start(meta());
    await run.prepare();
    await run.runStep('scan');
    const before = (await run.plan('load')).length;
    await run.modify('scan', { chunkBytes: 1_048_576 });
    const planned = await run.plan('load');
    expect(planned.length).toBeLessThan(before / 4);
    await run.runStep('load');
    await run.runStep('verify');
    expect(await run.done()).toMatchObject({ rows: ROWS, chunks: planned.length });
    expect(await ids()).toEqual({ rows: ROWS, distinct: ROWS });
  });

  test('to a size that would have left files unscanned changes nothing but the cuts', async () => {
    const run = target.start({ ...meta(), files: [path, await target.write('few.csv', '9001,a,1\n9002,b,2\n')] });
    await run.prepare();
    await run.runStep('scan');
    await run.modify('scan', { chunkBytes: 2 ** 30 });
    await run.runStep('load');
    await run.runStep('verify');
    expect(await run.done()).toMatchObject({ rows: ROWS + 2, chunks: 2, files: 2 });
  });

  test('is refused for everything else, with the key and what can be changed', async () => {
    const run = target.start(meta());
    await run.prepare();
    const before = run.meta;
    await expect(run.modify(null, { nullText: 'NULL' })).rejects.toMatchObject({
      code: 'ARGUMENT_INVALID',
      permanent: true,
      message: expect.stringMatching(/meta\.nullText .* only chunkBytes can/),
    });
    await expect(run.modify('load', { chunkBytes: 65_536 })).rejects.toMatchObject({
      code: 'ARGUMENT_INVALID',
      message: expect.stringMatching(/meta\.chunkBytes can't change any more; in this task's meta no key can\./),
    });
    await expect(run.modify('scan', { chunkBytes: 1 })).rejects.toMatchObject({
      code: 'META_INVALID',
      message: expect.stringMatching(/meta\.chunkBytes/),
    });
    expect(run.meta).toEqual(before);
    // Back to the default.
    await run.modify('scan', { chunkBytes: null });
    expect(run.meta).toEqual({ ...before, chunkBytes: undefined });
  });
});

describe('a chunk', () => {
  test.each(['pause', 'preempt', 'move'] as const)(
    'is loaded once when its first attempt is stopped: %s',
    async (why) => {
      const run = target.start(meta());
      await run.prepare();
      await run.runStep('scan');
      const [chunk] = await run.plan('load');
      const stopping = new AbortController();
      const subtaskId = run.nextSubtaskId();
      const stopped = run.runSubtask('load', chunk!, {
        subtaskId,
        signal: stopping.signal,
        onProgress: () => stopping.abort(new SubtaskStopped(why)),
      });
      await expect(stopped).rejects.toMatchObject({ reason: why });
      expect(await ids()).toEqual({ rows: 0, distinct: 0 });
      const result = await run.runSubtask('load', chunk!, { subtaskId });
      expect(await run.runSubtask('load', chunk!, { subtaskId })).toEqual(result);
      const { rows } = result as { rows: number };
      expect(await ids()).toEqual({ rows, distinct: rows });
    },
  );

  test('of a full disk fails with the code that pauses the task, and is loaded when there is room', async () => {
    await target.client.query(
      `CREATE OR REPLACE FUNCTION full_disk() RETURNS trigger LANGUAGE plpgsql AS
         $$BEGIN RAISE 'no space left on device' USING ERRCODE = '53100'; END$$;
       CREATE TRIGGER full_disk BEFORE INSERT ON items FOR EACH ROW WHEN (NEW.id = 1000) EXECUTE FUNCTION full_disk()`,
    );
    const run = target.start(meta(1_048_576 * 64));
    await run.prepare();
    await run.runStep('scan');
    const [chunk] = await run.plan('load');
    await expect(run.runSubtask('load', chunk!)).rejects.toMatchObject({ code: 'IMPORT_DISK_FULL' });
    expect(importTaskType.defaults?.pauseOn).toContain('IMPORT_DISK_FULL');
    await target.client.query('DROP TRIGGER full_disk ON items');
    await run.runStep('load');
    expect(await ids()).toEqual({ rows: ROWS, distinct: ROWS });
  });
});

test('subtasks conform to a change of their slots', async () => {
  for (const step of importTaskType.steps) {
    const { type, version: typeVersion } = importTaskType;
    const task = { id: '1', key: '1', type, typeVersion, meta: {} as never, step, slots: 1 };
    const executor = importTaskType.executor.getStepExecutor(step, task);
    await expect(executor.resourceModified!({ slots: 3, memoryBytes: 2 ** 28 })).resolves.toBeUndefined();
  }
});

test('a load counts the bytes, rows and chunks that the server has taken, each attempt anew', async () => {
  const run = target.start(meta(1_048_576 * 64));
  await run.prepare();
  await run.runStep('scan');
  const [chunk] = await run.plan('load');
  const subtaskId = run.nextSubtaskId();
  await run.runSubtask('load', chunk!, { subtaskId });
  const { type, version: typeVersion } = importTaskType;
  const task = { id: '1', key: '1', type, typeVersion, meta: run.meta, step: 'load', slots: 1 };
  const executor = importTaskType.executor.getStepExecutor('load', task);
  expect(executor.realtimeSummary!(subtaskId)).toEqual({ rows: ROWS, chunks: 1, bytes: expect.any(Number) });
  executor.resetSummary!(subtaskId);
  expect(executor.realtimeSummary!(subtaskId)).toEqual({});
});
