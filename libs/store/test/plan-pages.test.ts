import { describe, expect, test } from 'vitest';
import {
  cancelTask,
  checkStepIsNew,
  claimSubtasks,
  clearAbandonedPlan,
  insertPlanPage,
  raiseAttempt,
  releaseUnknown,
  sweepOrphans,
} from '../src/index.ts';
import { useStoreServer, type TestStore } from './fixtures/store-server.ts';
import {
  addNode,
  claim,
  claimPlan,
  lead,
  leadingOwner,
  pageRows,
  planStep,
  runningTask,
  settle,
  submit,
} from './fixtures/tasks.ts';

const server = useStoreServer();

async function planning(store: TestStore) {
  const owner = await leadingOwner(store.db);
  const node = await addNode(store.db, 'n1');
  const taskId = await submit(store.db);
  const plan = await claimPlan(store.db, owner, node, taskId);
  return { owner, node, taskId, plan, hold: { id: plan.id, attempt: plan.attempt, taskId, step: 'load' } };
}

async function workRows(store: TestStore): Promise<{ plan_attempt: number; ordinal: number }[]> {
  return store.db
    .selectFrom('subtasks')
    .select(['plan_attempt', 'ordinal'])
    .where('kind', '=', 'work')
    .orderBy('plan_attempt')
    .orderBy('ordinal')
    .execute();
}

describe('a plan', () => {
  test('is claimable only when it is taken, all of it at once', async () => {
    const store = await server.store();
    const { owner, node, taskId, plan, hold } = await planning(store);
    expect(await insertPlanPage(store.db, node, hold, pageRows(3, ['n1']))).toBe(true);
    expect(await insertPlanPage(store.db, node, hold, pageRows(2, ['n1'], true, 3))).toBe(true);
    expect(await insertPlanPage(store.db, node, hold, [])).toBe(true);
    expect(await claim(store.db, node, taskId, 9)).toEqual([]);
    await settle(store.db, node, [plan], { how: 'succeed', result: { step: 'load', planAttempt: 1, subtasks: 5 } });
    expect(await claim(store.db, node, taskId, 9)).toEqual([]);
    expect(await owner.consumePlan(taskId, plan.id, { do: 'finish' })).toBe(true);
    expect(await claim(store.db, node, taskId, 9)).toHaveLength(5);
  });

  test('has each ordinal once: a page written twice is refused whole', async () => {
    const store = await server.store();
    const { node, hold } = await planning(store);
    await insertPlanPage(store.db, node, hold, pageRows(3, ['n1']));
    await expect(insertPlanPage(store.db, node, hold, pageRows(3, ['n1'], true, 2))).rejects.toMatchObject({
      code: '23505',
    });
    expect(await workRows(store)).toHaveLength(3);
  });

  test('of a step that ran already is refused', async () => {
    const store = await server.store();
    const owner = await leadingOwner(store.db);
    const node = await addNode(store.db, 'n1');
    const taskId = await runningTask(store.db, owner, node, { rows: 0 });
    await expect(checkStepIsNew(store.db, taskId, 'load')).rejects.toMatchObject({ code: 'PLAN_INVALID' });
    await checkStepIsNew(store.db, taskId, 'verify');
  });
});

describe('a plan that is cancelled half-way', () => {
  test('gets no further page, and nothing of it becomes claimable', async () => {
    const store = await server.store();
    const { owner, node, taskId, plan, hold } = await planning(store);
    await insertPlanPage(store.db, node, hold, pageRows(3, ['n1']));
    await cancelTask(store.db, taskId, 'client', null);
    expect(await insertPlanPage(store.db, node, hold, pageRows(3, ['n1'], true, 3))).toBe(false);
    expect(await clearAbandonedPlan(store.db, node, hold)).toBe(false);
    await settle(store.db, node, [plan], { how: 'succeed', result: { step: 'load', planAttempt: 1, subtasks: 3 } });
    expect(await owner.consumePlan(taskId, plan.id, { do: 'finish' })).toBe(false);
    expect(await claim(store.db, node, taskId, 9)).toEqual([]);
    expect(await workRows(store)).toHaveLength(3);
  });

  test('a page that waits for the cancel writes nothing', async () => {
    const store = await server.store();
    const { node, taskId, hold } = await planning(store);
    const cancelling = await store.session();
    await cancelling.run('BEGIN');
    await cancelling.run('SELECT 1 FROM tasks WHERE id = $1 FOR UPDATE', [taskId]);
    await cancelling.run(`UPDATE tasks SET state = 'cancelling' WHERE id = $1`, [taskId]);
    const writing = insertPlanPage(store.process('planner').db, node, hold, pageRows(3, ['n1']));
    await store.blocked('planner');
    await cancelling.run('COMMIT');
    expect(await writing).toBe(false);
    expect(await workRows(store)).toEqual([]);
  });

  // Tried: the end of a plan that reads its task without a lock. Its last page was written after the cancel.
  test('the last page, which waits for the cancel with the end of its plan, is not written either', async () => {
    const store = await server.store();
    const { node, taskId, plan } = await planning(store);
    const cancelling = await store.session();
    await cancelling.run('BEGIN');
    await cancelling.run('SELECT 1 FROM tasks WHERE id = $1 FOR UPDATE', [taskId]);
    await cancelling.run(`UPDATE tasks SET state = 'cancelling' WHERE id = $1`, [taskId]);
    const result = { step: 'load', planAttempt: plan.attempt, subtasks: 3 };
    const planned = { step: 'load', rows: pageRows(3, ['n1']) };
    const ending = settle(store.process('planner').db, node, [plan], { how: 'succeed', result, planned });
    await store.blocked('planner');
    await cancelling.run('COMMIT');
    expect(await ending).toEqual([]);
    expect(await workRows(store)).toEqual([]);
  });

  test('a cancel waits for a page that is open', async () => {
    const store = await server.store();
    const { taskId } = await planning(store);
    const page = await store.session();
    await page.run('BEGIN');
    await page.run('SELECT state FROM tasks WHERE id = $1 FOR KEY SHARE', [taskId]);
    const cancelling = cancelTask(store.process('cancelling').db, taskId, 'client', null);
    await store.blocked('cancelling');
    await page.run('COMMIT');
    expect(await cancelling).toMatchObject({ state: 'cancelling' });
  });
});

describe('a plan that is killed half-way', () => {
  // ✗ tried: a reclaim that doesn't wait for the page. Its rows became claimable beside the new plan's: 1,000 of them.
  test("its open page is waited for, and its rows are never claimable beside the next plan's", async () => {
    const store = await server.store();
    const { owner, node, taskId, plan, hold } = await planning(store);
    const manager = await lead(store.db, 'node-manager');
    await insertPlanPage(store.db, node, hold, pageRows(2, ['n1']));
    // The page of the old attempt is open: its statements as the store sends them.
    const page = await store.session();
    await page.run('BEGIN');
    await page.run('SELECT state FROM tasks WHERE id = $1 FOR KEY SHARE', [taskId]);
    await page.run(`SELECT 1 FROM subtasks WHERE id = $1 AND attempt = 1 AND state = 'running' FOR NO KEY UPDATE`, [
      plan.id,
    ]);
    const next = await addNode(store.db, 'n1');
    const sweeping = sweepOrphans(store.process('sweeping').db, manager);
    await store.blocked('sweeping');
    await page.run(
      `INSERT INTO subtasks (task_id, kind, step, plan_attempt, ordinal, state, exec_id, is_idempotent, meta)
       VALUES ($1, 'work', 'load', 1, 3, 'pending', 'n1', true, '{}')`,
      [taskId],
    );
    await page.run('COMMIT');
    expect(await sweeping).toHaveLength(1);
    expect(await insertPlanPage(store.db, node, hold, pageRows(1, ['n1'], true, 3))).toBe(false);

    const [again] = await claimSubtasks(store.db, next, [], [plan.id]);
    const nextHold = { ...hold, attempt: again!.attempt };
    expect(nextHold.attempt).toBe(2);
    await insertPlanPage(store.db, next, nextHold, pageRows(1, ['n1']));
    expect(await workRows(store)).toHaveLength(4);
    expect(await clearAbandonedPlan(store.db, next, nextHold)).toBe(true);
    expect(await workRows(store)).toEqual([{ plan_attempt: 2, ordinal: 1 }]);
    await settle(store.db, next, [again!], { how: 'succeed', result: { step: 'load', planAttempt: 2, subtasks: 1 } });
    await owner.consumePlan(taskId, plan.id, { do: 'finish' });
    expect(await claim(store.db, next, taskId, 9)).toMatchObject([{ planAttempt: 2, ordinal: 1 }]);
  });

  // Tried: the plan's row without a lock. It was given back and claimed anew beside the open page.
  test('its open page keeps the plan from being given back', async () => {
    const store = await server.store();
    const { node, taskId, plan, hold } = await planning(store);
    // Keeps the store's own page open in its insert: the same ordinal, not committed yet.
    const other = await store.session();
    await other.run('BEGIN');
    await other.run(
      `INSERT INTO subtasks (task_id, kind, step, plan_attempt, ordinal, state, exec_id, is_idempotent, meta)
       VALUES ($1, 'work', 'load', 1, 1, 'pending', 'n1', true, '{}')`,
      [taskId],
    );
    const writing = insertPlanPage(store.process('planner').db, node, hold, pageRows(2, ['n1']));
    await store.blocked('planner');
    expect(await releaseUnknown(store.db, node, [])).toBe(0);
    await other.run('ROLLBACK');
    expect(await writing).toBe(true);
    expect(await releaseUnknown(store.db, node, [])).toBe(1);
    expect(await insertPlanPage(store.db, node, hold, pageRows(2, ['n1'], true, 2))).toBe(false);
    expect(await claimSubtasks(store.db, node, [], [plan.id])).toMatchObject([{ attempt: 2 }]);
  });

  // ✗ tried here: FOR KEY SHARE on the plan's row. Whoever takes rows back locks them FOR UPDATE first, which waits for that too; but
  // a plain update (an attempt that is raised, a form that somebody shortens) was through at once, beside the page.
  test('its open page is waited for by a plain update of the plan too', async () => {
    const store = await server.store();
    const { node, taskId, plan, hold } = await planning(store);
    const other = await store.session();
    await other.run('BEGIN');
    await other.run(
      `INSERT INTO subtasks (task_id, kind, step, plan_attempt, ordinal, state, exec_id, is_idempotent, meta)
       VALUES ($1, 'work', 'load', 1, 1, 'pending', 'n1', true, '{}')`,
      [taskId],
    );
    const writing = insertPlanPage(store.process('planner').db, node, hold, pageRows(2, ['n1']));
    await store.blocked('planner');
    const raising = raiseAttempt(store.process('raising').db, node, plan, 7);
    await store.blocked('raising');
    await other.run('ROLLBACK');
    expect(await writing).toBe(true);
    expect(await raising).toBe(8);
    // The page of an attempt that is over is never written.
    expect(await insertPlanPage(store.db, node, hold, pageRows(2, ['n1'], true, 2))).toBe(false);
  });

  test("clearing keeps the current step's rows and those that are being planned, and goes in pages", async () => {
    const store = await server.store();
    const owner = await leadingOwner(store.db);
    const node = await addNode(store.db, 'n1');
    const taskId = await submit(store.db);
    await planStep(store.db, owner, node, taskId, { rows: 0, step: 'scan' });
    const plan = await claimPlan(store.db, owner, node, taskId);
    const hold = { id: plan.id, attempt: plan.attempt, taskId, step: 'load' };
    const session = await store.session();
    await session.run(
      `INSERT INTO subtasks (task_id, kind, step, plan_attempt, ordinal, state, exec_id, is_idempotent, meta)
       SELECT $1, 'work', step, attempt, ordinal, 'pending', 'n1', true, '{}'
       FROM (VALUES ('load', 0, 20500), ('verify', 1, 3), ('load', 1, 2), ('scan', 1, 4)) AS v(step, attempt, n),
         generate_series(1, n) AS ordinal`,
      [taskId],
    );
    expect(await clearAbandonedPlan(store.db, node, hold)).toBe(true);
    const left = await session.run(
      `SELECT step, plan_attempt, count(*)::int AS n FROM subtasks WHERE kind = 'work' GROUP BY 1, 2 ORDER BY 1`,
    );
    expect(left).toEqual([
      { step: 'load', plan_attempt: 1, n: 2 },
      { step: 'scan', plan_attempt: 1, n: 4 },
    ]);
  });
});
