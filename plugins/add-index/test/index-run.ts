import {
  type JsonValue,
  type PlannedSubtask,
  type SqlClient,
  type TargetConnection,
  type WaitingReason,
} from '@longshore/sdk';
import { TaskTypeRun, type AttemptOptions } from '@longshore/testing-plugins';
import addIndexTaskType, { type AddIndexMeta } from '../src/index.ts';

/** A statement of ours, seen on its way to the server. */
export interface Moment {
  readonly when: 'before' | 'after';
  readonly text: string;
}

/** Sees each statement of a hook; what it throws or aborts is how the hook is killed there. */
export type Tap = (moment: Moment) => Promise<void> | void;

export interface HookOptions {
  readonly signal?: AbortSignal;
  readonly tap?: Tap;
}

export type StepName = 'parents' | 'build' | 'attach' | 'verify';

const STEPS: readonly StepName[] = ['parents', 'build', 'attach', 'verify'];

/** One add-index whose hooks a test calls itself. Subtasks are named by their place in the plan, and know their attempts. */
export class IndexRun extends TaskTypeRun<AddIndexMeta, unknown, StepName> {
  readonly #plans = new Map<StepName, PlannedSubtask[]>();
  readonly #attempts = new Map<string, number>();

  constructor(options: { readonly url: string; readonly taskId: string; readonly meta: Record<string, unknown> }) {
    super({ ...options, type: addIndexTaskType, settings: () => undefined, fenceGraceMs: 300 });
  }

  /** What subtasks wait for now. */
  get waiting(): ReadonlySet<string> {
    return new Set([...this.openReasons].map(shown));
  }

  /** What they ever waited for. */
  get waited(): readonly string[] {
    return this.waits.map(shown);
  }

  /** What they asked the budget for. */
  get throttled(): readonly unknown[] {
    return this.batches;
  }

  /** Plans a step, once. */
  override async plan(step: StepName): Promise<PlannedSubtask[]> {
    const planned = this.#plans.get(step) ?? (await super.plan(step));
    this.#plans.set(step, planned);
    return planned;
  }

  /** Runs one subtask of a planned step, as its next attempt. */
  async runSubtask(step: StepName, ordinal: number, options: HookOptions = {}): Promise<JsonValue> {
    const id = subtaskIdOf(step, ordinal);
    const attempt = (this.#attempts.get(id) ?? 0) + 1;
    this.#attempts.set(id, attempt);
    return this.lateAttempt(step, ordinal, attempt, options);
  }

  /** Runs one subtask under a number of attempt that others may be above. */
  async lateAttempt(step: StepName, ordinal: number, attempt: number, options: HookOptions = {}): Promise<JsonValue> {
    const planned = (await this.plan(step))[ordinal - 1];
    if (planned === undefined) throw new RangeError(`${step} has no subtask ${ordinal}`);
    const subtaskId = subtaskIdOf(step, ordinal);
    return this.runAttempt(step, { meta: planned.meta, ordinal }, { ...attemptOf(options), subtaskId, attempt });
  }

  /** Runs a step's subtasks, two at once; what they return is there for the next step. */
  async runStep(step: StepName, options: HookOptions = {}): Promise<void> {
    await this.runAll(step, await this.plan(step), ({ ordinal }) => this.runPostponed(step, ordinal, options));
  }

  /** Runs one subtask, again when it gave its slot back to wait. */
  runPostponed(step: StepName, ordinal: number, options: HookOptions = {}): Promise<JsonValue> {
    return this.untilDone(() => this.runSubtask(step, ordinal, options));
  }

  /** The steps from one on, and the last hook. */
  async runFrom(first: StepName, options: HookOptions = {}): Promise<JsonValue> {
    for (const step of STEPS.slice(STEPS.indexOf(first))) await this.runStep(step, options);
    return this.done();
  }

  /** From the first hook to the last. */
  async run(): Promise<JsonValue> {
    await this.prepare();
    return this.runFrom('parents');
  }

  override revert(options: HookOptions = {}): Promise<void> {
    return super.revert(attemptOf(options));
  }
}

/** Ids of their own, above those of control subtasks. */
export function subtaskIdOf(step: StepName, ordinal: number): string {
  return `${(STEPS.indexOf(step) + 1) * 1000 + ordinal}`;
}

function attemptOf({ signal, tap }: HookOptions): AttemptOptions {
  return {
    ...(signal !== undefined && { signal }),
    ...(tap !== undefined && { around: (connection) => tapped(connection, tap) }),
  };
}

function shown({ code, message }: WaitingReason): string {
  return `${code}: ${message}`;
}

/** The same connection, whose statements the tap sees. */
function tapped(connection: TargetConnection, tap: Tap): TargetConnection {
  const see = (client: SqlClient): SqlClient => ({
    query: async (text, values) => {
      await tap({ when: 'before', text });
      const result = await client.query<never>(text, values);
      await tap({ when: 'after', text });
      return result;
    },
    stream: (submittable) => client.stream(submittable),
  });
  return {
    name: connection.name,
    read: (work) => connection.read(work),
    ledger: (step) => connection.ledger(step),
    effectOnce: async (work) => {
      const outcome = await connection.effectOnce((client) => work(see(client)));
      await tap({ when: 'after', text: 'effectOnce' });
      return outcome;
    },
    effectBatches: (start, work) => connection.effectBatches(start, work),
    effectSession: (work) => connection.effectSession((client) => work(see(client))),
    revertEffects: (work) => connection.revertEffects((client, ledger) => work(see(client), ledger)),
    revertSession: (work) => connection.revertSession((client, ledger) => work(see(client), ledger)),
  };
}
