import type { ErrorData, GateReading, HealthGate, Placement, PlanResult, SubtaskKind, Summary } from '@longshore/core';
import type { CandidateNode, JsonValue, StopReason, ThrottleCost } from '@longshore/sdk';
import type { Measurement, SpanData, TraceContext } from '@longshore/telemetry';
import type { TypeDescription } from './type-description.ts';
import type { Waiting } from '../worker/waiting-reasons.ts';

/**
 * What a runner is started with: no connection, because nobody knows yet for which task it will work, and no settings, because nobody knows yet
 * which type its package offers.
 */
export interface RunnerSetup {
  /** URL of the task type's module, resolved by the executor. */
  readonly moduleUrl: string;
  /** The package's name, for errors. */
  readonly packageName: string;
  readonly nodeId: string;
  readonly clusterId: string;
  /** How long a revert waits for effects that are under way, in milliseconds. */
  readonly fenceGraceMs: number;
  /** Whether spans of hooks are exported. Default false: nothing of an SDK is loaded. */
  readonly isTracing?: boolean;
}

/** One hook to run: a work subtask, or a control subtask's hook. Names a subtask that this node has. */
export interface RunSpec {
  /** The subtask's id: unique among what a runner has. */
  readonly runId: string;
  readonly kind: SubtaskKind;
  readonly attempt: number;
  /** Whether it may start again. Default true. */
  readonly isIdempotent?: boolean;
  readonly task: {
    readonly id: string;
    readonly key: string;
    /** Default 1. */
    readonly run?: number;
    readonly type: string;
    readonly typeVersion: string;
    readonly meta: unknown;
    readonly step: string | null;
    readonly slots: number;
  };
  /** Whether the task has a budget or gates: without them a hook needs not ask. A change of the task may change it. */
  isThrottled: boolean;
  /** What a user asked to be changed of the meta, for the subtask that answers the new one. */
  readonly changes?: Readonly<Record<string, unknown>> | undefined;
  /** What to look at, for the subtask that reads the gates. */
  readonly gates: readonly HealthGate[];
  /** For work: the subtask itself. */
  readonly step: string;
  readonly ordinal: number;
  readonly meta: JsonValue;
  readonly checkpoint: JsonValue;
  /** The progress that its checkpoint, or its batches, had. Default: none. */
  readonly kept?: Amounts | undefined;
  readonly resource: { readonly slots: number; readonly memoryBytes: number };
  /** For a plan: the nodes that it is spread over. */
  readonly nodeCount: number;
  /** For a plan: subtasks of a step at most, as the cluster has it. Default: null, nobody has set it. */
  readonly maxSubtasksPerStep?: number | null;
  /** For a type that says where its steps run, while it plans or places one: the nodes that the task could use. */
  readonly candidates?: readonly CandidateNode[] | undefined;
  /** The span of this attempt, as the parent of what the hook does. Default: it isn't traced. */
  readonly trace?: TraceContext | undefined;
}

/** The connections of a run: those that its type declares for its task's meta, and those of the gates that it reads. */
export interface RunConnections {
  /** URLs by name. They stay on this machine: no message to another host carries them. */
  readonly urls: Readonly<Record<string, string>>;
  /** Names that the type declares, and that the executor has no connection of. */
  readonly missing: readonly string[];
  /** What the executor has, for the error of a missing one; empty where none is missing. */
  readonly known: readonly string[];
  /** URLs of what the run's gates are read by, by name. */
  readonly gateUrls: Readonly<Record<string, string>>;
}

export type MessageToRunner =
  /** @property connections null: nobody has asked the type yet which ones it declares for this meta. The runner says so with `declare`. */
  | { readonly kind: 'start'; readonly run: RunSpec; readonly connections: RunConnections | null }
  /** Runs of one task to carry out one after the other; what has begun is counted in the memory. */
  | {
      readonly kind: 'start-turn';
      readonly runs: readonly RunSpec[];
      readonly connections: RunConnections | null;
      readonly memory: SharedArrayBuffer;
    }
  | { readonly kind: 'abort'; readonly runId: string; readonly reason: StopReason }
  | { readonly kind: 'reply'; readonly callId: number; readonly value?: unknown; readonly error?: ErrorData }
  /** The task was modified while it runs here. */
  | { readonly kind: 'modify'; readonly changeId: number; readonly change: RunningTaskChange }
  /** The task is over on this node: clean up its step executors. */
  | { readonly kind: 'end-task'; readonly endId: number; readonly taskId: string }
  /** The executor's settings of the type that the runner named. */
  | { readonly kind: 'settings'; readonly value: unknown }
  /** Nothing runs in it now. */
  | { readonly kind: 'check-globals'; readonly checkId: number };

/** What changed of a task while its subtasks run. What is absent stays. */
export interface RunningTaskChange {
  readonly taskId: string;
  /** Whether subtasks ask for their batches from now on. */
  readonly isThrottled?: boolean;
  readonly meta?: unknown;
  /** What each running subtask has of one step. */
  readonly resource?: { readonly step: string; readonly slots: number; readonly memoryBytes: number };
}

/** A page of planned subtasks, in order. */
export interface PlanPage {
  readonly step: string;
  readonly subtasks: readonly { readonly meta: JsonValue; readonly isIdempotent: boolean }[];
}

/** The result of a plan. */
export type PlannedStep = PlanResult & {
  readonly totalRows: number | null;
  readonly totalBytes: number | null;
  /** What is not written yet; null: nothing. */
  readonly lastPage: PlanPage | null;
};

/** The result of asking anew where a step may run. */
export interface PlacedStep {
  readonly placement: Placement | null;
}

/** What a hook asks of the executor, which alone talks to the store. */
export type HostCall =
  | { readonly method: 'checkpoint'; readonly value: JsonValue; readonly kept: Amounts }
  | { readonly method: 'plan-start'; readonly step: string }
  /** Where the step may run, before its first page; answered with the number of nodes that it is spread over now. */
  | { readonly method: 'plan-placement'; readonly placement: Placement }
  | { readonly method: 'plan-page'; readonly page: PlanPage }
  /** The target's ledger is ahead of the store: go on with an attempt above it, if this node is still the holder. */
  | { readonly method: 'raise-attempt'; readonly past: number }
  /** A revert is about to do something that can't be taken back: from now on the task can't go on. */
  | { readonly method: 'begin-undo' }
  /** What was found at the task's gates. */
  | { readonly method: 'gates'; readonly readings: readonly GateReading[] }
  /** Answered when the budget has the cost and, before a batch, the gates are open. */
  | { readonly method: 'throttle'; readonly cost: ThrottleCost; readonly isBatch: boolean }
  | { readonly method: 'previous'; readonly step: string; readonly afterOrdinal: number };

/** Rows and bytes. */
export interface Amounts {
  readonly rows: number;
  readonly bytes: number;
}

/** How far a run is. */
export interface RunProgress {
  readonly runId: string;
  readonly rows: number;
  readonly bytes: number;
  /** What another attempt would go on from. Default: nothing. */
  readonly kept?: Amounts | undefined;
  /** What it is doing, in its own words; null: it doesn't say. */
  readonly phase: string | null;
  /** What it waits for; null: nothing. */
  readonly waiting: Waiting | null;
  /** Whether nothing is to be expected of it for a while: it rests between two calls. Default false. */
  readonly isResting?: boolean | undefined;
  /** What its attempt has counted. */
  readonly summary: Summary;
}

/** What a postponed subtask waits for, and for how long at least, in milliseconds. */
export interface Postponed {
  readonly code: string;
  readonly message: string;
  readonly afterMs: number;
}

/** A target that could not be reached, and for how long the attempt had run, in milliseconds. */
export interface TargetAway {
  readonly connection: string;
  readonly message: string;
  readonly ranMs: number;
}

export type Settled =
  | { readonly ok: true; readonly result: unknown; readonly rows: number; readonly bytes: number }
  | {
      readonly ok: false;
      readonly error: ErrorData;
      /** Why it had been asked to stop, if it had. */
      readonly stopped: StopReason | null;
      /** It asks to be started again after a while: not a failure. Null: it doesn't. */
      readonly postponed?: Postponed | null;
      /** It ended because a target could not be reached. Null: it didn't. */
      readonly targetAway?: TargetAway | null;
      readonly rows: number;
      readonly bytes: number;
      /** What another attempt would go on from. Default: what was told last. */
      readonly kept?: Amounts | undefined;
      /** Its runner ended before it began, or after its work was done: it is not to blame. */
      readonly isBlameless?: true;
      /** Its runner ended by itself while it ran, or by its limits: nobody had told it to end. */
      readonly isCrash?: true;
    };

/** The end of a run. */
export interface RunEnd {
  readonly runId: string;
  readonly settled: Settled;
  /** When it began, in milliseconds since the epoch, and how long it ran; null: its runner could not say. */
  readonly time: { readonly beganAt: number; readonly ranMs: number } | null;
  /** What it has counted; absent: its runner could not say. */
  readonly summary?: Summary;
}

/** What a hook logs. */
export interface LogLine {
  readonly runId: string;
  readonly level: 'debug' | 'info' | 'warn' | 'error';
  readonly message: string;
  readonly fields: Readonly<Record<string, unknown>>;
}

export type MessageFromRunner =
  /** The module is loaded and offers this type, which wants its settings. */
  | { readonly kind: 'named'; readonly type: string }
  | {
      readonly kind: 'ready';
      readonly type: TypeDescription;
      readonly warning: string | null;
      /** Whether the type declares connections. */
      readonly declaresConnections: boolean;
    }
  /** The connections that the type declares for the meta of a run's task; answered with `RunConnections`. */
  | { readonly kind: 'declare'; readonly callId: number; readonly runId: string; readonly names: readonly string[] }
  | { readonly kind: 'load-failed'; readonly error: ErrorData }
  /** Something was thrown where nobody waits. The process ends after this. */
  | { readonly kind: 'failed'; readonly message: string }
  | { readonly kind: 'call'; readonly callId: number; readonly runId: string; readonly call: HostCall }
  | { readonly kind: 'progress'; readonly runs: readonly RunProgress[] }
  | { readonly kind: 'settled'; readonly ends: readonly RunEnd[] }
  /** A change of a task was taken over, or not. `isConformed: false`: the type can't change what runs. */
  | { readonly kind: 'modified'; readonly changeId: number; readonly isConformed: boolean; readonly error?: ErrorData }
  /** The step executors of a task that is over here are cleaned up. */
  | { readonly kind: 'task-ended'; readonly endId: number }
  /** Whether what all code of the thread shares is not as it was when the type was loaded: then no other task may run in it. */
  | { readonly kind: 'globals-checked'; readonly checkId: number; readonly isChanged: boolean }
  /** What the task type measured in this runner. */
  | { readonly kind: 'measurements'; readonly measurements: readonly Measurement[] }
  /** Ended spans of a run, before it is settled. */
  | { readonly kind: 'spans'; readonly runId: string; readonly spans: readonly SpanData[] }
  | ({ readonly kind: 'log' } & LogLine);
