import type { Meter, Tracer } from '@opentelemetry/api';
import type { JsonValue } from './json.ts';
import type { Logger } from './logger.ts';
import type { Progress } from './progress.ts';
import type { TargetConnection } from './target-connection.ts';
import type { WaitingReason } from './waiting-reason.ts';

/** The task as a hook sees it. */
export interface TaskView<Meta = unknown> {
  /** Decimal string of 64 bits. */
  readonly id: string;
  /** The same in each run of a key. What must not be done again by another attempt, but by another run, hangs on the id, not on the key. */
  readonly key: string;
  /** Its number among the runs of its key, from 1. Absent: the executor doesn't know of runs. */
  readonly run?: number;
  readonly type: string;
  readonly typeVersion: string;
  /** Validated against the type's schema, defaults filled in. */
  readonly meta: Meta;
  /** The current step; null before the first one. */
  readonly step: string | null;
  /** Slots that it has on each of its nodes. */
  readonly slots: number;
}

/** What an earlier step's succeeded subtask left behind. */
export interface FinishedSubtask {
  readonly ordinal: number;
  readonly meta: JsonValue;
  /** What `runSubtask` returned; null when it returned nothing. */
  readonly result: JsonValue;
  readonly rows: number;
  readonly bytes: number;
}

/** What every hook gets. */
export interface HookContext<Meta = unknown, Settings = unknown> {
  readonly task: TaskView<Meta>;
  /** The executor's settings for this plugin, checked against the type's `settings` schema. */
  readonly settings: Settings;
  /** The executor's name. */
  readonly nodeId: string;
  /** Number of this attempt, from 1. Together with the subtask's id it fences every write. */
  readonly attempt: number;
  /** Aborts when the hook should end; `stopReason(signal)` says why. Pass it to every wait. */
  readonly signal: AbortSignal;
  readonly logger: Logger;
  /**
   * How far this hook is. A hook that shows no sign of life for ten minutes (`--hook-stall-ms` of the executor) is stopped and tried
   * again. Signs are progress, a reason to wait, a statement on `connection`, a page of a plan.
   */
  readonly progress: Progress;
  /**
   * Says what this hook or subtask waits for, until you call the returned function. `task show`, `task watch` and the API show it, and since
   * when. If there are several reasons, the newest counts.
   */
  readonly waiting: (reason: WaitingReason) => () => void;
  /**
   * For the type's own spans, within the attempt's span. SQL through `connection` has spans already. While tracing is off it does
   * nothing and costs next to nothing.
   */
  readonly tracer: Tracer;
  /**
   * For the type's own metrics, which the executor serves on `/metrics` and sends by OTLP. Give a metric the same few
   * attributes each time, each with few values and never an id. Names that begin with `longshore.` are reserved.
   */
  readonly meter: Meter;
  /**
   * The executor's connection of this name. The first use opens a session.
   *
   * @throws {TaskTypeError} CONNECTION_UNKNOWN when the executor has none of this name.
   */
  readonly connection: (name: string) => TargetConnection;
  /** Succeeded subtasks of an earlier step in the order of their ordinals, read page by page. */
  readonly previousSubtasks: (step: string) => AsyncIterable<FinishedSubtask>;
}
