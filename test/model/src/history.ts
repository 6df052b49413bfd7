import type pg from 'pg';
import { GHOST, TOY_TYPES } from './toy-types.ts';

interface EndedTask {
  readonly id: string;
  readonly type: string;
  readonly state: string;
  readonly outcome: string | null;
}

interface EndedSubtask {
  readonly task_id: string;
  readonly kind: string;
  readonly step: string;
  readonly plan_attempt: number;
  readonly ordinal: number;
  readonly state: string;
}

interface Step {
  readonly task_id: string;
  readonly step: string;
  readonly plan_attempt: number;
  readonly subtasks: number;
}

const OUTCOMES: Readonly<Record<string, readonly string[]>> = {
  succeed: ['succeeded'],
  failed: ['failed'],
  reverted: ['failed', 'canceled'],
};

/**
 * What must hold once every task is over: each has the outcome of its state, and of a succeeded one each ordinal of each step ran or was skipped
 * exactly once.
 *
 * @param blame told what doesn't hold, and the rows that show it.
 */
export async function lookAtHistory(
  session: pg.Pool,
  ids: readonly string[],
  blame: (what: string, evidence: unknown) => void,
): Promise<void> {
  const query = async <R extends pg.QueryResultRow>(text: string): Promise<R[]> => (await session.query<R>(text)).rows;
  const tasks = await query<EndedTask>('SELECT id, type, state, outcome FROM task_history');
  const subtasks = await query<EndedSubtask>(
    'SELECT task_id, kind, step, plan_attempt, ordinal, state FROM subtask_history',
  );
  const steps = await query<Step>('SELECT task_id, step, plan_attempt, subtasks FROM task_steps ORDER BY position');
  const ended = new Set(tasks.map((task) => task.id));
  for (const id of ids) if (!ended.has(id)) blame('a task is in no history', { id });
  for (const task of tasks) {
    if (!OUTCOMES[task.state]?.includes(task.outcome ?? '')) blame('an outcome does not fit its state', task);
    if (task.type === GHOST && task.state !== 'failed' && task.outcome !== 'canceled') blame('a ghost was run', task);
  }
  const workOf = Map.groupBy(
    subtasks.filter((row) => row.kind === 'work'),
    (row) => row.task_id,
  );
  const stepsOf = Map.groupBy(steps, (step) => step.task_id);
  for (const task of tasks.filter((one) => one.outcome === 'succeeded')) {
    const ran = stepsOf.get(task.id) ?? [];
    const wanted = TOY_TYPES.find((type) => type.type === task.type)?.steps ?? [];
    if (ran.map((step) => step.step).join() !== wanted.join())
      blame('a task succeeded without its steps', { task, ran });
    const work = workOf.get(task.id) ?? [];
    for (const step of ran) lookAtStep(step, work, blame);
    const planned = ran.reduce((sum, step) => sum + step.subtasks, 0);
    if (work.length !== planned) blame(`${work.length} subtasks of ${planned} are in history`, { task, work });
  }
}

function lookAtStep(step: Step, work: readonly EndedSubtask[], blame: (what: string, evidence: unknown) => void): void {
  const own = work.filter((row) => row.step === step.step && row.plan_attempt === step.plan_attempt);
  const done = own.filter((row) => row.state === 'succeed' || row.state === 'skipped').map((row) => row.ordinal);
  const wanted = Array.from({ length: step.subtasks }, (_, index) => index + 1);
  if (done.toSorted((a, b) => a - b).join() !== wanted.join())
    blame('ordinals were not done exactly once', { step, own });
}
