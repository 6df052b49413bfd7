import { LongshoreError, type ErrorData } from '@longshore/core';
import type { HostCall, PlannedStep, RunEnd, Runner, RunnerHost, RunProgress } from '@longshore/runner';
import type { Store } from '@longshore/store';
import type { Logger, Measurement, SpanData, ThreadMetrics } from '@longshore/telemetry';
import type { NodeEvent, RunEnding } from '../node/events.ts';
import type { Run } from '../running/run.ts';
import type { AttemptSpans } from './attempt-spans.ts';
import { answerHostCall, CallsWaiting } from './host-calls.ts';
import type { PlanWriter } from './plan-writer.ts';
import type { PooledRunner } from './runner-pool.ts';
import type { TaskThrottle } from './task-throttle.ts';

export interface TaskHostOptions {
  readonly taskId: string;
  readonly pooled: PooledRunner;
  readonly throttle: TaskThrottle;
  readonly store: Store;
  readonly spans: AttemptSpans;
  readonly threadMetrics: Pick<ThreadMetrics, 'take'>;
  readonly logger: Logger;
  /** A run of this task that is in its runner. */
  readonly find: (runId: string) => Run | undefined;
  /** Whether this host's runner is still the task's. */
  readonly isCurrent: (host: TaskHost) => boolean;
  /** Whether a plan's end may claim of its step. */
  readonly mayClaim: () => boolean;
  readonly tell: (event: NodeEvent) => void;
}

/** What the runner of a task talks to: it turns what the runner says into events, and answers the calls of its hooks. */
export class TaskHost implements RunnerHost {
  readonly taskId: string;
  readonly runner: Runner;
  /** Its runner as the pool knows it. */
  readonly pooled: PooledRunner;
  readonly throttle: TaskThrottle;
  /** Writers of the plans that run, by subtask id. */
  readonly plans = new Map<string, PlanWriter>();
  readonly #options: TaskHostOptions;
  readonly #calls = new CallsWaiting();

  constructor(options: TaskHostOptions) {
    this.#options = options;
    this.taskId = options.taskId;
    this.pooled = options.pooled;
    this.runner = options.pooled.runner;
    this.throttle = options.throttle;
    this.runner.host = this;
  }

  async call(runId: string, call: HostCall): Promise<unknown> {
    const { store, find, tell } = this.#options;
    const run = find(runId);
    if (run === undefined) throw new LongshoreError('STATE_CONFLICT', `subtask ${runId} does not run here any more`);
    const plan = this.plans.get(runId) ?? null;
    return answerHostCall(call, { store, run, throttle: this.throttle, plan, tell }, this.#calls);
  }

  progress(runs: readonly RunProgress[]): void {
    this.#options.tell({ kind: 'progressed', taskId: this.#options.taskId, runs, at: performance.now() });
  }

  spans(runId: string, spans: readonly SpanData[]): void {
    this.#options.spans.took(runId, spans);
  }

  measured(measurements: readonly Measurement[]): void {
    this.#options.threadMetrics.take(measurements);
  }

  settled(ends: readonly RunEnd[]): void {
    const { taskId, tell, mayClaim } = this.#options;
    const endings = ends.map((end) => this.#endingOf(end));
    this.#tellLost();
    const { hooks } = this.runner.type;
    tell({ kind: 'ended', taskId, ends: endings, hooks, mayClaim: mayClaim(), at: performance.now() });
  }

  checked(): void {
    const { taskId, tell, isCurrent } = this.#options;
    if (isCurrent(this)) tell({ kind: 'runner-checked', taskId, isReusable: this.runner.isReusable });
  }

  log(
    runId: string,
    level: 'debug' | 'info' | 'warn' | 'error',
    message: string,
    fields: Readonly<Record<string, unknown>>,
  ): void {
    const run = this.#options.find(runId);
    this.#options.logger[level]({ ...fields, subtask_id: runId, attempt: run?.attempt }, message);
  }

  crashed(error: ErrorData): void {
    this.#options.logger.warn({ error }, 'a runner ended');
    this.#tellLost();
  }

  /** Before the ends of what ran in it: what starts next needs another runner. */
  #tellLost(): void {
    const { taskId, tell, isCurrent } = this.#options;
    if (!this.runner.isAlive && isCurrent(this)) tell({ kind: 'runner-lost', taskId });
  }

  #endingOf(end: RunEnd): RunEnding {
    this.throttle.leave(end.runId);
    const plan = this.plans.get(end.runId);
    const chance = Math.random();
    if (plan === undefined) return { ...end, planned: null, chance };
    this.plans.delete(end.runId);
    if (!end.settled.ok) return { ...end, planned: null, chance };
    const { lastPage, ...result } = end.settled.result as PlannedStep;
    const planned = lastPage === null ? null : { step: lastPage.step, rows: plan.rowsOf(lastPage) };
    return { ...end, settled: { ...end.settled, result }, planned, chance };
  }
}
