import type { TraceContext } from './trace-context.ts';

/** An attempt of a subtask, as its span names it. */
export interface Attempt {
  readonly clusterId: string;
  readonly taskId: string;
  readonly taskType: string;
  /** The trace that the task was submitted with; null: none, it gets one of its own. */
  readonly trace: TraceContext | null;
  readonly subtaskId: string;
  /** `work`, or the hook of a control subtask. */
  readonly kind: string;
  /** The step; empty where there is none. */
  readonly step: string;
  readonly ordinal: number;
  readonly attempt: number;
  readonly nodeId: string;
}

/** How an attempt ended. */
export interface AttemptEnd {
  readonly outcome: 'succeed' | 'fail' | 'retry' | 'cancel' | 'release' | 'pause' | 'postpone' | 'hand-back' | 'lost';
  readonly error?: { readonly code: string; readonly message: string };
  /** What it reported as done. */
  readonly rows?: number;
  readonly bytes?: number;
  /** When, in milliseconds since the epoch. Default: now. */
  readonly at?: number;
  /** When it really began, in milliseconds since the epoch, where that is known only now. Default: when it was started. */
  readonly startedAt?: number;
}

/** The span of an attempt that was started. */
export interface AttemptSpan {
  /** For what happens within it, in this process or a worker. */
  readonly context: TraceContext;
  /** Ends it and hands it over for export. Without this call it is never exported. */
  end(end: AttemptEnd): void;
}
