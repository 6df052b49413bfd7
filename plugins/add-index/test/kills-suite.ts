import { SubtaskStopped } from '@longshore/sdk';
import { describe, expect, test } from 'vitest';
import type { IndexRun, Moment, StepName, Tap } from './index-run.ts';
import { createOrders, eventually, type IndexTarget, terminate, untilBlocked } from './index-target.ts';

const statement = 'CREATE INDEX ON orders (customer)';

/** A step, and the statement before or after which its hooks are killed. */
type Point = readonly [name: string, step: StepName, when: Moment['when'], text: RegExp];

const points: readonly Point[] = [
  ["before a parent's index is made", 'parents', 'before', /^CREATE INDEX .* ON ONLY/],
  ["before a parent's index is committed", 'parents', 'after', /^CREATE INDEX .* ON ONLY/],
  ["after a parent's index was committed", 'parents', 'after', /^effectOnce/],
  ['before the build', 'build', 'before', /^CREATE INDEX CONCURRENTLY/],
  ['after the build, before it has its name', 'build', 'after', /^CREATE INDEX CONCURRENTLY/],
  ['before its name is given', 'build', 'before', /^ALTER INDEX/],
  ['before its name is committed', 'build', 'after', /^ALTER INDEX/],
  ['after its name was committed, before it is reported', 'build', 'after', /^effectOnce/],
  ['before the first is attached', 'attach', 'before', /^ALTER INDEX/],
  ['after the first was attached', 'attach', 'after', /^ALTER INDEX/],
  ['after the last was attached', 'attach', 'after', /^ALTER INDEX public\.orders_customer_idx/],
];

/** Ends every hook of a step at a point, as the death of their executor does: their sessions break off. */
function killAt(when: Moment['when'], text: RegExp): { readonly signal: AbortSignal; readonly tap: Tap } {
  const killed = new AbortController();
  const tap: Tap = (moment) => {
    if (moment.when === when && text.test(moment.text)) killed.abort(new SubtaskStopped('shutdown'));
    killed.signal.throwIfAborted();
  };
  return { signal: killed.signal, tap };
}

/** Steps before one are run, and it up to the point. */
async function runUpTo(run: IndexRun, [, step, when, text]: Point): Promise<void> {
  await run.prepare();
  for (const earlier of ['parents', 'build', 'attach'] as const) {
    if (earlier === step) break;
    await run.runStep(earlier);
  }
  await expect(run.runStep(step, killAt(when, text))).rejects.toThrow(SubtaskStopped);
}

export function describeKills(target: IndexTarget): void {
  const expectWhole = async (): Promise<void> => {
    const indexes = await target.indexes();
    expect(indexes.map(({ name }) => name)).toEqual(
      ['', '_1', '_1_1', '_1_2', '_2', '_2_1', '_2_2'].map((part) => `orders${part}_customer_idx`),
    );
    expect(indexes.every(({ valid }) => valid)).toBe(true);
  };
  const start = async (): Promise<IndexRun> => {
    await createOrders(target.client, 2);
    return target.start({ statement });
  };

  describe('a task whose executor dies', () => {
    test.each(points)('%s: another attempt makes it whole, and a revert takes it back', async (...point) => {
      const run = await start();
      await runUpTo(run, point);
      await run.runFrom(point[1]);
      await expectWhole();
      await run.revert();
      expect(await target.indexes()).toEqual([]);
    });

    test.each(points)('%s: a revert takes back what there is', async (...point) => {
      const run = await start();
      await runUpTo(run, point);
      await run.revert();
      expect(await target.indexes()).toEqual([]);
      // What comes late can change nothing any more.
      await expect(run.runStep(point[1])).rejects.toMatchObject({ code: 'EFFECTS_FENCE_CLOSED' });
    });
  });

  describe('a build that is interrupted', () => {
    const stops: readonly (readonly [string, (abort: () => void) => Promise<void> | void])[] = [
      ['as its executor dies or the task is canceled', (abort) => abort()],
      ['as the server ends its session', () => terminate(target, /^CREATE INDEX CONCURRENTLY/)],
    ];

    /** A build that waits for a writer, so that its index is there and invalid, is stopped there. */
    const interrupt = async (run: IndexRun, stop: (abort: () => void) => Promise<void> | void): Promise<void> => {
      await run.prepare();
      await run.runStep('parents');
      const writer = await target.session();
      await writer.query(`BEGIN; INSERT INTO orders_1_1 VALUES (1, 'open')`);
      const killed = new AbortController();
      const building = run.runStep('build', { signal: killed.signal });
      const ended = expect(building).rejects.toThrow();
      await untilBlocked(target, /^CREATE INDEX/);
      await stop(() => killed.abort(new SubtaskStopped('cancel')));
      await ended;
      // The server notices within a second that its client is gone.
      await eventually(() => target.sessions(/^ls\//)).toEqual([]);
      await writer.query('COMMIT');
      expect(await target.indexes()).toContainEqual({
        table: 'orders_1_1',
        name: expect.stringMatching(/^longshore_/),
        valid: false,
        parent: null,
      });
    };

    test.each(stops)('%s, is dropped and built anew', async (_, stop) => {
      const run = await start();
      await interrupt(run, stop);
      await run.runFrom('build');
      await expectWhole();
      await run.revert();
      expect(await target.indexes()).toEqual([]);
    });

    test.each(stops)('%s, is gone after a revert', async (_, stop) => {
      const run = await start();
      await interrupt(run, stop);
      await run.revert();
      expect(await target.indexes()).toEqual([]);
    });

    test.each([
      ['before what was left is dropped', 'before', /^DROP INDEX/],
      ['between its drop and the new build', 'after', /^DROP INDEX/],
    ] as const)('again %s', async (_, when, text) => {
      const run = await start();
      await interrupt(run, (abort) => abort());
      await expect(run.runStep('build', killAt(when, text))).rejects.toThrow(SubtaskStopped);
      await run.runFrom('build');
      await expectWhole();
    });
  });

  describe('a revert whose executor dies', () => {
    test.each([
      ['before anything is dropped', 'before', /^DROP INDEX/],
      ['after the first was dropped', 'after', /^DROP INDEX/],
    ] as const)('%s: another one comes to the end', async (_, when, text) => {
      const run = await start();
      await run.prepare();
      await run.runStep('parents');
      await run.runStep('build');
      await expect(run.revert(killAt(when, text))).rejects.toThrow(SubtaskStopped);
      await run.revert();
      expect(await target.indexes()).toEqual([]);
    });
  });
}
