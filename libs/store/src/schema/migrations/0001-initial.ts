import { sql, type Kysely } from 'kysely';

/** Columns of tasks, active and archived. */
const taskColumns = sql`
  key text NOT NULL,
  type text NOT NULL,
  type_version text NOT NULL,
  state text NOT NULL,
  outcome text,
  version integer NOT NULL DEFAULT 0,
  priority integer NOT NULL,
  scope text NOT NULL,
  slots integer NOT NULL,
  slots_per_subtask integer NOT NULL,
  max_nodes integer,
  on_failure text NOT NULL,
  step text,
  plan_attempt integer NOT NULL DEFAULT 0,
  is_prepared boolean NOT NULL DEFAULT false,
  -- json, not jsonb: opaque, returned as it came, and no trouble with escaped NUL characters in error texts
  meta json NOT NULL,
  result json,
  error json,
  reserved_nodes text[] NOT NULL DEFAULT '{}',
  waiting json,
  retry json NOT NULL,
  trace json,
  event_seq integer NOT NULL DEFAULT 0,
  created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  updated_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  started_at timestamptz,
  ended_at timestamptz`;

/** Columns of subtasks, active and archived. */
const subtaskColumns = sql`
  task_id bigint NOT NULL,
  kind text NOT NULL,
  step text NOT NULL,
  plan_attempt integer NOT NULL,
  ordinal integer NOT NULL,
  state text NOT NULL,
  exec_id text NOT NULL,
  node_epoch bigint,
  attempt integer NOT NULL DEFAULT 0,
  failures integer NOT NULL DEFAULT 0,
  is_idempotent boolean NOT NULL,
  meta json NOT NULL,
  checkpoint json,
  result json,
  error json,
  rows bigint NOT NULL DEFAULT 0,
  bytes bigint NOT NULL DEFAULT 0,
  reason text,
  not_before timestamptz,
  created_at timestamptz NOT NULL DEFAULT clock_timestamp(),
  started_at timestamptz,
  ended_at timestamptz`;

/** The first schema. No foreign key leads from subtasks to tasks: it would take the lock that transitions take, and slow inserts by 40 %. */
export async function up(db: Kysely<unknown>): Promise<void> {
  const run = async (statement: ReturnType<typeof sql>): Promise<void> => {
    await statement.execute(db);
  };

  await run(sql`CREATE TABLE tasks (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, ${taskColumns})`);
  await run(sql`CREATE TABLE task_history (id bigint PRIMARY KEY, ${taskColumns},
    archived_at timestamptz NOT NULL DEFAULT clock_timestamp())`);
  await run(sql`CREATE TABLE task_keys (
    key text PRIMARY KEY, task_id bigint NOT NULL UNIQUE, content_hash text NOT NULL)`);
  await run(sql`CREATE TABLE task_steps (
    task_id bigint NOT NULL, step text NOT NULL, position integer NOT NULL, plan_attempt integer NOT NULL,
    subtasks integer NOT NULL, canceled integer NOT NULL DEFAULT 0,
    total_rows bigint, total_bytes bigint, planned_at timestamptz NOT NULL DEFAULT clock_timestamp(),
    PRIMARY KEY (task_id, step))`);

  await run(sql`CREATE TABLE subtasks (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, ${subtaskColumns},
    UNIQUE (task_id, kind, step, plan_attempt, ordinal))`);
  // A claim walks the pending rows of one task on one node in their order. The collation is what ties claims to this index: spelled
  // like this they can't use the unique one, which the planner prefers otherwise (its first column lies in the order of the
  // table) and which walks the rows of all other nodes.
  await run(sql`CREATE INDEX subtasks_claimable ON subtasks (exec_id, task_id, step COLLATE "C", plan_attempt, ordinal)
    WHERE state = 'pending' AND kind = 'work'`);
  await run(sql`CREATE INDEX subtasks_control ON subtasks (task_id) WHERE kind <> 'work'`);
  // "Does anything run?", "does anything of this node run?" and "what failed?" without touching the pending ones.
  await run(sql`CREATE INDEX subtasks_started ON subtasks (task_id, state) WHERE state <> 'pending'`);
  await run(sql`CREATE INDEX subtasks_held ON subtasks (exec_id) WHERE state = 'running'`);
  // Pages of a task's subtasks go by id; nobody looks for an archived one without its task.
  await run(sql`CREATE TABLE subtask_history (id bigint NOT NULL, ${subtaskColumns}, PRIMARY KEY (task_id, id))`);
  await run(sql`CREATE INDEX subtask_history_step ON subtask_history (task_id, step, ordinal)`);

  await run(sql`CREATE TABLE task_events (
    task_id bigint NOT NULL, seq integer NOT NULL, at timestamptz NOT NULL DEFAULT clock_timestamp(),
    actor text NOT NULL, kind text NOT NULL, from_state text, to_state text, subtask_id bigint, message text,
    PRIMARY KEY (task_id, seq))`);
  // UNIQUE with the epoch makes raising it a key update, which conflicts with the FOR KEY SHARE of every fenced write.
  await run(sql`CREATE TABLE nodes (
    id text PRIMARY KEY, epoch bigint NOT NULL DEFAULT 1, state text NOT NULL, scope text NOT NULL, slots integer NOT NULL,
    types json NOT NULL, host text NOT NULL, pid integer NOT NULL,
    started_at timestamptz NOT NULL DEFAULT clock_timestamp(), lease_expires_at timestamptz NOT NULL,
    UNIQUE (id, epoch))`);
  await run(sql`CREATE TABLE leases (
    name text PRIMARY KEY, holder text NOT NULL, epoch bigint NOT NULL DEFAULT 0, expires_at timestamptz NOT NULL,
    UNIQUE (name, epoch))`);
  await run(sql`INSERT INTO leases (name, holder, expires_at)
    SELECT name, '', '-infinity' FROM unnest(ARRAY['owner', 'node-manager', 'balancer']) AS name`);
  // Keeps apart what two clusters leave in one target database.
  await run(sql`CREATE TABLE cluster_identity (id uuid PRIMARY KEY DEFAULT gen_random_uuid())`);
  await run(sql`INSERT INTO cluster_identity DEFAULT VALUES`);
  await run(sql`CREATE TABLE task_types (
    type text NOT NULL, version text NOT NULL, description text NOT NULL, contract integer NOT NULL,
    steps text[] NOT NULL, hooks text[] NOT NULL, schema json NOT NULL, defaults json NOT NULL,
    registered_at timestamptz NOT NULL DEFAULT clock_timestamp(), PRIMARY KEY (type, version))`);
}
