import type { RunEnd } from '@longshore/runner';
import type { ClaimedSubtask, Settlement } from '@longshore/store';
import {
  taskTraceId,
  traceIdOf,
  type Attempt,
  type AttemptEnd,
  type AttemptSpan,
  type SpanData,
  type TraceContext,
  type Tracing,
} from '@longshore/telemetry';
import type { ThrottleReason } from './task-throttle.ts';

/** The task of an attempt, as its span names it. */
export interface TracedTask {
  readonly id: string;
  readonly type: string;
  readonly trace: TraceContext | null;
}

interface OpenAttempt {
  readonly attempt: number;
  readonly span: AttemptSpan;
  /** Spans within it, kept until it ends. */
  readonly inner: SpanData[];
  /** Whether spans within it may leave before it does. */
  isFlowing: boolean;
  /** When its run began and ended, in milliseconds since the epoch; null: it hasn't ended. */
  ran: { readonly startedAt?: number; readonly at: number } | null;
  /** What keeps it waiting now, and since when. */
  wait: { readonly reason: ThrottleReason; readonly startedAt: number } | null;
}

/** Spans within an attempt that are kept until it ends, at most: a long one would fill the memory. */
const MOST_INNER = 200;

/**
 * The spans of the attempts that run on this node. One is exported when its end has been written to the store, with what happened
 * within it: until then nobody can know how it ended, and whoever finds the attempt lost tells its end instead. So an exported span
 * always finds its parent, whoever was killed.
 */
export class AttemptSpans {
  readonly #tracing: Tracing | null;
  readonly #clusterId: string;
  readonly #open = new Map<string, OpenAttempt>();

  /** @param tracing null: nothing is traced, and every call is a comparison. */
  constructor(tracing: Tracing | null, clusterId: string) {
    this.#tracing = tracing;
    this.#clusterId = clusterId;
  }

  /** An attempt starts to run. @returns the context for what it does; undefined: it isn't traced. */
  started(task: TracedTask, claimed: ClaimedSubtask, nodeId: string): TraceContext | undefined {
    if (this.#tracing === null) return undefined;
    const span = this.#tracing.startAttempt(this.#attemptOf(task, claimed, nodeId));
    this.#open.set(claimed.id, {
      attempt: claimed.attempt,
      span,
      inner: [],
      isFlowing: false,
      ran: null,
      wait: null,
    });
    return span.context;
  }

  /** Its budget or a gate keeps a running attempt waiting; null: it goes on. A wait is a span for each reason. */
  waits(subtaskId: string, reason: ThrottleReason | null): void {
    const open = this.#tracing === null ? undefined : this.#open.get(subtaskId);
    if (open === undefined || open.wait?.reason.code === reason?.code) return;
    this.#endWait(open);
    if (reason !== null) open.wait = { reason, startedAt: now() };
  }

  /** Spans that ended within a running attempt. */
  took(subtaskId: string, spans: readonly SpanData[]): void {
    const open = this.#open.get(subtaskId);
    if (open === undefined) return;
    open.inner.push(...spans);
    if (open.inner.length > MOST_INNER) open.isFlowing = true;
    if (open.isFlowing) this.#tracing?.takeSpans(open.inner.splice(0));
  }

  /**
   * The run is over; its end is not written yet.
   *
   * @param isGivenUp somebody else has it, and nothing will be written.
   * @param time when it ran, by its runner; null: since it was started, until now.
   */
  ended(subtaskId: string, isGivenUp: boolean, time: RunEnd['time'] = null): void {
    if (this.#tracing === null) return;
    const open = this.#open.get(subtaskId);
    if (open === undefined) return;
    this.#endWait(open);
    open.ran = time === null ? { at: now() } : { startedAt: time.beganAt, at: time.beganAt + time.ranMs };
    if (isGivenUp) this.#leaveToOthers(subtaskId, open);
  }

  /** It was handed to its runner, and taken back before it began. */
  takenBack(subtaskId: string): void {
    this.#open.delete(subtaskId);
  }

  /** What was claimed ahead and goes back before it ran: a span of no length, so that the next attempt's link finds it. */
  handedBack(task: TracedTask, claimed: ClaimedSubtask, nodeId: string): void {
    if (this.#tracing === null) return;
    this.#tracing.startAttempt(this.#attemptOf(task, claimed, nodeId)).end({ outcome: 'hand-back' });
  }

  /** Ends of attempts have reached the store; `lost` were refused there. */
  written(written: readonly Settlement[], lost: readonly Settlement[]): void {
    if (this.#tracing === null) return;
    for (const settlement of written) {
      const open = this.#open.get(settlement.id);
      if (open?.ran === undefined || open.ran === null) continue;
      this.#open.delete(settlement.id);
      open.span.end({ ...endOf(settlement), ...open.ran });
      this.#tracing.takeSpans(open.inner);
    }
    for (const { id } of lost) {
      const open = this.#open.get(id);
      if (open?.ran !== undefined && open.ran !== null) this.#leaveToOthers(id, open);
    }
  }

  /** Ends of attempts that could not be written. This node frees their rows itself later, so it tells them now. */
  unwritten(batch: readonly Settlement[]): void {
    for (const { id } of batch) {
      const open = this.#open.get(id);
      if (open?.ran === undefined || open.ran === null) continue;
      this.#leaveToOthers(id, open);
      const error = { code: 'STORE_UNAVAILABLE', message: 'its result could not be written' };
      open.span.end({ outcome: 'lost', error, ...open.ran });
    }
  }

  /** More attempts would lose spans: the collector takes them, but more slowly than they come. */
  get isBehind(): boolean {
    return this.#tracing?.isBehind === true;
  }

  /** Resolves when it has caught up. */
  async room(): Promise<void> {
    await this.#tracing?.room();
  }

  /** The trace of a task, for log lines; undefined: it has none. */
  traceIdOf(task: TracedTask): string | undefined {
    return traceIdOf(task.trace) ?? (this.#tracing === null ? undefined : taskTraceId(this.#clusterId, task.id));
  }

  #endWait(open: OpenAttempt): void {
    if (open.wait === null) return;
    const { reason, startedAt } = open.wait;
    open.wait = null;
    const attributes = { 'longshore.waiting.code': reason.code, 'longshore.waiting.message': reason.message };
    this.#tracing?.startWithin(open.span.context, `waiting ${reason.code}`, attributes, startedAt).end();
  }

  /** The attempt's own span comes from whoever freed its row; what happened within it is known here alone. */
  #leaveToOthers(subtaskId: string, open: OpenAttempt): void {
    this.#open.delete(subtaskId);
    this.#tracing?.takeSpans(open.inner);
  }

  #attemptOf(task: TracedTask, claimed: ClaimedSubtask, nodeId: string): Attempt {
    return {
      clusterId: this.#clusterId,
      taskId: task.id,
      taskType: task.type,
      trace: task.trace,
      subtaskId: claimed.id,
      kind: claimed.kind,
      step: claimed.step,
      ordinal: claimed.ordinal,
      attempt: claimed.attempt,
      nodeId,
    };
  }
}

/** Milliseconds since the epoch, finer than the clock's. */
function now(): number {
  return performance.timeOrigin + performance.now();
}

function endOf(settlement: Settlement): AttemptEnd {
  const { how, rows, bytes } = settlement;
  return { outcome: how, rows, bytes, ...('error' in settlement ? { error: settlement.error } : {}) };
}
