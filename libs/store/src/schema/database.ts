import type {
  CrashRecord,
  ErrorData,
  GateReading,
  HealthGate,
  LabelSelector,
  Modification,
  NodeLabels,
  OfferedType,
  Placement,
  Principal,
  RuntimeSlots,
  Summary,
  ThrottleLimits,
  TokenBudget,
} from '@longshore/core';
import type { ColumnType, Generated, JSONColumnType } from 'kysely';

/** Times are written by the database's clock only, so inserts and updates may leave them out. */
type StoredTime = ColumnType<Date, never, never>;
type OptionalTime = ColumnType<Date | null, never, never>;
/** Opaque JSON: stored as it came, written as text. */
type Json<T> = ColumnType<T, string, string>;
type NullableJson<T> = ColumnType<T | null, string | null | undefined, string | null>;

/** Why something waits, and since when. */
export interface StoredReason {
  readonly code: string;
  readonly message: string;
  readonly since: string;
}

/** Columns that active and archived tasks share. */
export interface TaskColumns {
  key: string;
  type: string;
  type_version: string;
  state: string;
  outcome: string | null;
  /** Rises with each transition: what a compare-and-set names. */
  version: Generated<number>;
  priority: number;
  scope: string;
  slots: number;
  slots_per_subtask: number;
  max_nodes: number | null;
  on_failure: string;
  /** The current step; null before the first. With `plan_attempt` it says which rows are claimable. */
  step: string | null;
  plan_attempt: Generated<number>;
  is_prepared: Generated<boolean>;
  meta: Json<unknown>;
  result: NullableJson<unknown>;
  error: NullableJson<ErrorData>;
  /** Nodes that it has slots on. */
  reserved_nodes: Generated<string[]>;
  waiting: NullableJson<StoredReason>;
  retry: Json<RetryColumns>;
  trace: NullableJson<{ traceparent: string; tracestate?: string }>;
  /** Its budget per second; null: none. */
  throttle: NullableJson<ThrottleLimits>;
  /** Its health gates; null: none. */
  gates: NullableJson<readonly HealthGate[]>;
  /** Where a paused task continues: pending or running. */
  prior_state: string | null;
  modification: NullableJson<Modification>;
  /** Rises with each change of what runners are told: meta, slots, budget. */
  revision: Generated<number>;
  runtime_slots: NullableJson<RuntimeSlots>;
  selectors: NullableJson<readonly LabelSelector[]>;
  /** Error codes that pause it instead of failing it. */
  pause_on: Generated<string[]>;
  subtask_timeout_ms: number | null;
  stall_timeout_ms: number | null;
  deadline_ms: string | null;
  deadline_at: OptionalTime;
  /** What is left of the deadline while it rests. */
  deadline_left: ColumnType<unknown, never, never>;
  /** Hooks that can't run are skipped while it is undone. */
  is_forced: Generated<boolean>;
  /** False: submitted within a user's own transaction, and not looked at by an owner yet. */
  is_validated: Generated<boolean>;
  /** Number of the last event. */
  event_seq: Generated<number>;
  created_at: StoredTime;
  updated_at: StoredTime;
  started_at: OptionalTime;
  ended_at: OptionalTime;
}

/** Who asked for a task's restart, as its next run's events name them. */
export interface RestartWish {
  readonly principal: Principal | null;
  readonly reason: string | null;
}

/** What `prepare` and `modifyMeta` may change of a task: as it was submitted, with what users have changed of that since. */
export interface AsSubmitted {
  readonly meta: unknown;
  readonly slots: number;
  readonly slotsPerSubtask: number;
  readonly maxNodes: number | null;
}

/** The retry policy as stored. */
export interface RetryColumns {
  maxFailures: number;
  initialMs: number;
  factor: number;
  maxMs: number;
  jitter: number;
  nonRetryableCodes?: readonly string[];
}

/** Progress that an attempt leaves to the next one. */
export interface KeptProgress {
  readonly rows: number;
  readonly bytes: number;
}

/** Columns that active and archived subtasks share. */
export interface SubtaskColumns {
  task_id: string;
  kind: string;
  step: string;
  plan_attempt: number;
  ordinal: number;
  state: string;
  /** The node that it is assigned to. */
  exec_id: string;
  /** The epoch of its holder; null: it has none. */
  node_epoch: string | null;
  /** How often it was claimed: the fence of every write of its holder. */
  attempt: Generated<number>;
  /** How often the plugin got it wrong: what the retry policy counts. */
  failures: Generated<number>;
  is_idempotent: boolean;
  meta: Json<unknown>;
  checkpoint: NullableJson<unknown>;
  result: NullableJson<unknown>;
  error: NullableJson<ErrorData>;
  rows: Generated<string>;
  bytes: Generated<string>;
  /** The progress that its next attempt begins with: what its checkpoint, or its batches, had. Null: none. */
  kept: NullableJson<KeptProgress>;
  /** Why it is pending again, and from when it may start. */
  reason: string | null;
  not_before: OptionalTime;
  /** Since when its target can't be reached; kept while it is tried again. */
  away_since: OptionalTime;
  created_at: StoredTime;
  started_at: OptionalTime;
  ended_at: OptionalTime;
}

/** Columns that the newest run of a key and those before it share. */
export interface RunColumns {
  key: string;
  task_id: string;
  content_hash: string;
  /** Its number among the runs of the key, from 1. */
  run: Generated<number>;
  /** Names the submit that started it; null: that had no id. */
  submit_id: string | null;
}

export interface Database {
  tasks: TaskColumns & {
    id: Generated<string>;
    /** What a task was submitted with that no owner has looked at yet: the options by their names in the API. */
    submitted: NullableJson<Readonly<Record<string, unknown>>>;
    /** Whether its revert has begun to undo it: from then on it can't go on. */
    undo_began: Generated<boolean>;
    /** Whether a hook was inserted for it since it became pending, so that passes look at it. */
    has_hook: Generated<boolean>;
    /** Who wants its next run to start once it is undone; null: nobody. */
    restart: NullableJson<RestartWish>;
    /** What of it was submitted otherwise than it is now; null: nothing. */
    as_submitted: NullableJson<AsSubmitted>;
    /** Names those that wait for the same slots on the same nodes; empty: passes look at it wherever it stands. Computed by Postgres. */
    queue: ColumnType<string, never, never>;
  };
  /** Why the tasks wait that stand behind this place in their queue; with an empty name, in the order of all queues. */
  task_queues: {
    queue: string;
    /** Of the leader that wrote it. */
    epoch: string;
    priority: number;
    created_at: Date;
    task_id: string;
    code: string;
    message: string;
    since: Date;
  };
  task_history: TaskColumns & { id: string; archived_at: StoredTime };
  /** The newest run of each key. */
  task_keys: RunColumns;
  /** Runs of keys that have newer ones. */
  earlier_runs: RunColumns;
  task_steps: {
    task_id: string;
    step: string;
    position: number;
    plan_attempt: number;
    subtasks: number;
    canceled: Generated<number>;
    total_rows: string | null;
    total_bytes: string | null;
    planned_at: StoredTime;
    placement: NullableJson<Placement>;
    placed_for: string | null;
  };
  subtasks: SubtaskColumns & {
    id: Generated<string>;
    waiting: NullableJson<StoredReason>;
    phase: string | null;
    summary: NullableJson<Summary>;
    /** What it is suspected of; null: nothing. */
    crashes: NullableJson<CrashRecord>;
  };
  subtask_history: SubtaskColumns & { id: string };
  task_budgets: { task_id: string; budgets: Json<Record<string, TokenBudget>> };
  task_gates: { task_id: string; readings: Json<readonly GateReading[]>; read_at: StoredTime };
  task_events: {
    task_id: string;
    seq: number;
    at: StoredTime;
    actor: string;
    principal: NullableJson<Principal>;
    kind: string;
    from_state: string | null;
    to_state: string | null;
    subtask_id: string | null;
    message: string | null;
    /** How many events of its kind it stands for, and when the last of them was; null: it is the only one. */
    events: Generated<number>;
    last_at: OptionalTime;
  };
  nodes: {
    id: string;
    epoch: Generated<string>;
    state: string;
    scope: string;
    slots: number;
    types: JSONColumnType<OfferedType[]>;
    labels: JSONColumnType<NodeLabels>;
    host: string;
    pid: number;
    started_at: StoredTime;
    lease_expires_at: StoredTime;
    /** Names the run of the kernel that its process is on; null: nobody could say. */
    boot_id: string | null;
    /** The epoch of its last process that crashed; null: none has. */
    crashed_epoch: string | null;
  };
  leases: { name: string; holder: string; epoch: Generated<string>; expires_at: StoredTime };
  cluster_identity: { id: string };
  settings: { name: string; value: Json<unknown> };
  task_types: {
    type: string;
    version: string;
    description: string;
    contract: number;
    steps: string[];
    hooks: string[];
    schema: Json<Record<string, unknown>>;
    defaults: Json<TypeDefaults>;
    registered_at: StoredTime;
  };
}

/** Defaults of a type as registered; what is absent falls back to the framework's. */
export interface TypeDefaults {
  slots?: number;
  slotsPerSubtask?: number;
  maxNodes?: number;
  onFailure?: 'revert' | 'hold';
  retry?: Partial<RetryColumns>;
  /** Error codes that pause a task instead of failing it. */
  pauseOn?: readonly string[];
  subtaskTimeoutMs?: number;
  stallTimeoutMs?: number;
  deadlineMs?: number;
}
