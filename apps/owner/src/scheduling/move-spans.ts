import type { TaskMove } from '@longshore/core';
import { readTaskTraces, type Db, type ScheduledTask } from '@longshore/store';
import type { TraceContext, Tracing } from '@longshore/telemetry';

/** Spans of what the leading owner does with tasks, in the tasks' traces. */
export class MoveSpans {
  readonly #tracing: Tracing | null;
  readonly #db: Db;
  /** Traces of the tasks of the last pass; null: the task has none. */
  #traces = new Map<string, TraceContext | null>();

  /** @param tracing null: nothing is read, and nothing traced. */
  constructor(tracing: Tracing | null, db: Db) {
    this.#tracing = tracing;
    this.#db = db;
  }

  /** Reads the traces of tasks that weren't in the pass before. A task's trace never changes. */
  async prepare(tasks: readonly ScheduledTask[]): Promise<void> {
    if (this.#tracing === null) return;
    const unknown = tasks.filter(({ id }) => !this.#traces.has(id)).map(({ id }) => id);
    const read = await readTaskTraces(this.#db, unknown);
    this.#traces = new Map(tasks.map(({ id }) => [id, this.#traces.get(id) ?? read.get(id) ?? null]));
  }

  /** Carries a move out. Only one that was written leaves a span: the others are looks that found nothing to do. */
  async around(task: ScheduledTask, move: TaskMove, carryOut: () => Promise<boolean>): Promise<boolean> {
    const trace = move.do === 'wait' ? null : (this.#traces.get(task.id) ?? null);
    if (this.#tracing === null || trace === null) return carryOut();
    const span = this.#tracing.startWithin(trace, `task ${move.do}`, {
      'longshore.task.id': task.id,
      'longshore.task.type': task.type,
      'longshore.task.state': task.state,
    });
    const isDone = await carryOut();
    if (isDone) span.end();
    return isDone;
  }
}
