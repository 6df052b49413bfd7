import { SubtaskStopped, type StopReason } from '@longshore/sdk';
import pg from 'pg';
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

  /** A build that waits for a writer, so that its index is there and invalid, comes to an end there. */
  const stopBuild = async (run: IndexRun, stop: (abort: (why: StopReason) => void) => Promise<void> | void) => {
    await run.prepare();
    await run.runStep('parents');
    const writer = await target.session();
    await writer.query(`BEGIN; INSERT INTO orders_1_1 VALUES (1, 'open')`);
    const killed = new AbortController();
    const building = run.runStep('build', { signal: killed.signal });
    const ended = expect(building).rejects.toThrow();
    // The one that the writer holds: another one may wait for a moment too, and come to its end.
    await untilBlocked(target, /^CREATE INDEX .*\borders_1_1\b/);
    await stop((why) => killed.abort(new SubtaskStopped(why)));
    await ended;
    return { writer };
  };

  describe('a build whose attempt is stopped', () => {
    /** Until the server would have ended the session of a client that is gone. */
    const untilNoticed = async (): Promise<void> => {
      const url = new URL(target.url);
      url.searchParams.set('options', '-c client_connection_check_interval=1s');
      const gone = new pg.Client({ connectionString: url.href, application_name: 'gone' });
      gone.on('error', () => undefined);
      await gone.connect();
      gone.query('SELECT pg_sleep(600)').catch(() => undefined);
      await eventually(async () => (await target.sessions(/^gone$/))[0]?.state).toBe('active');
      gone.connection.stream.destroy();
      await eventually(() => target.sessions(/^gone$/)).toEqual([]);
    };
    const builds = async (): Promise<number> =>
      (await target.sessions(/^ls\//)).filter(({ query }) => query.startsWith('CREATE INDEX')).length;

    test.each(['pause', 'preempt', 'shutdown'] as const)(
      'goes on in the server, and the next attempt takes it over: %s',
      async (why) => {
        const run = await start();
        const { writer } = await stopBuild(run, (abort) => abort(why));
        await untilNoticed();
        await eventually(builds).toBe(1);
        const statements: string[] = [];
        const next = run.runSubtask('build', 1, { tap: ({ text }) => void statements.push(text) });
        await eventually(() => [...run.waiting]).toContainEqual(
          expect.stringMatching(/^LOCK_HELD: waiting for writers before build/),
        );
        await writer.query('COMMIT');
        await next;
        expect(statements.filter((text) => /^(CREATE|DROP) INDEX/.test(text))).toEqual([]);
        await run.runFrom('build');
        await expectWhole();
      },
    );

    test('comes to its end meanwhile, and has its name given by the next attempt', async () => {
      const run = await start();
      const { writer } = await stopBuild(run, (abort) => abort('pause'));
      await writer.query('COMMIT');
      await eventually(() => target.sessions(/^ls\//)).toEqual([]);
      expect(await target.indexes()).toContainEqual({
        table: 'orders_1_1',
        name: expect.stringMatching(/^longshore_/),
        valid: true,
        parent: null,
      });
      await run.runFrom('build');
      await expectWhole();
    });

    test('is ended by a revert', async () => {
      const run = await start();
      const { writer } = await stopBuild(run, (abort) => abort('pause'));
      const reverting = run.revert();
      await eventually(builds).toBe(0);
      // What is left of it can only be dropped when the writer has ended.
      await writer.query('COMMIT');
      await reverting;
      expect(await target.indexes()).toEqual([]);
    });
  });

  describe('a build that is interrupted', () => {
    /** The server ends its session. */
    const interrupt = async (run: IndexRun): Promise<void> => {
      const { writer } = await stopBuild(run, () => terminate(target, /^CREATE INDEX CONCURRENTLY/));
      await writer.query('COMMIT');
      expect(await target.indexes()).toContainEqual({
        table: 'orders_1_1',
        name: expect.stringMatching(/^longshore_/),
        valid: false,
        parent: null,
      });
    };

    test('is dropped and built anew', async () => {
      const run = await start();
      await interrupt(run);
      await run.runFrom('build');
      await expectWhole();
      await run.revert();
      expect(await target.indexes()).toEqual([]);
    });

    test('is gone after a revert', async () => {
      const run = await start();
      await interrupt(run);
      await run.revert();
      expect(await target.indexes()).toEqual([]);
    });

    test.each([
      ['before what was left is dropped', 'before', /^DROP INDEX/],
      ['between its drop and the new build', 'after', /^DROP INDEX/],
    ] as const)('again %s', async (_, when, text) => {
      const run = await start();
      await interrupt(run);
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
