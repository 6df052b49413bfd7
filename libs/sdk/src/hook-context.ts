import type { Meter, Tracer } from '@opentelemetry/api';
import type { JsonValue } from './json.ts';
import type { Logger } from './logger.ts';
import type { TargetConnection } from './target-connection.ts';

/** The task as a hook sees it. */
export interface TaskView<Meta = unknown> {
  /** Decimal string of 64 bits. */
  readonly id: string;
  readonly key: string;
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
  /** What the executor's configuration says for this plugin, checked against the type's `settings` schema. */
  readonly settings: Settings;
  /** The executor's name. */
  readonly nodeId: string;
  /** How often this hook's subtask has been started, from 1. With the subtask's id it is the fence of every write. */
  readonly attempt: number;
  /** Aborted when the hook should end; `stopReason(signal)` tells why. Pass it to everything that waits. */
  readonly signal: AbortSignal;
  readonly logger: Logger;
  /**
   * For spans of the type's own, within the attempt's. SQL that is sent through `connection` has spans already. Where tracing is off
   * it does nothing, at next to no cost.
   */
  readonly tracer: Tracer;
  /**
   * For metrics of the type's own: they are served on the executor's `/metrics` and sent by OTLP. Give a metric the same few
   * attributes each time, each of few values and never an id; names that begin with `longshore.` are taken.
   */
  readonly meter: Meter;
  /**
   * The connection that the executor has under this name. The first use opens a session.
   *
   * @throws {TaskTypeError} CONNECTION_UNKNOWN when the executor has none of this name.
   */
  readonly connection: (name: string) => TargetConnection;
  /** Succeeded subtasks of an earlier step in the order of their ordinals, read page by page. */
  readonly previousSubtasks: (step: string) => AsyncIterable<FinishedSubtask>;
}
