/** What an error means for the one who gets it. */
export interface ErrorCodeInfo {
  /** Permanent: another try can't help. Transient: it may. */
  readonly permanent: boolean;
  /** What happened and what to do, for the reference page. */
  readonly help: string;
}

const permanent = (help: string): ErrorCodeInfo => ({ permanent: true, help });
const transient = (help: string): ErrorCodeInfo => ({ permanent: false, help });

/**
 * Every code that the framework itself raises. Plugins have their own codes, with their own prefix. A test compares the
 * reference page (docs/reference/errors.md) with this table.
 */
export const ERROR_CODES = {
  ARGUMENT_INVALID: permanent('An argument of a request is missing or wrong; the message names the field.'),
  BUS_MESSAGE_TOO_LARGE: permanent(
    "A request or its reply is larger than the NATS server's max_payload. Ask for smaller pages, or raise max_payload (1 MiB by default).",
  ),
  BUS_TIMEOUT: transient(
    'No answer came in time. Check the state before you send a change again, or send it with the same key.',
  ),
  BUS_UNAVAILABLE: transient(
    'No owner answers, or the NATS server is away. Check `longshore node list` and the services. Running work continues meanwhile.',
  ),
  CLUSTER_NOT_FOUND: permanent(
    'No cluster is named: no server is given, LONGSHORE_NATS_URL is not set, and no `longshore dev` runs in this folder or one above it. Start one, or name a NATS server (LONGSHORE_NATS_URL; --server on the command line).',
  ),
  CONFIG_INVALID: permanent(
    'An option of a service is missing or wrong; the message names the flag and the environment variable.',
  ),
  CONNECTION_UNKNOWN: permanent(
    'A task names a connection that the executor does not have. Add it to the executor, or correct the name.',
  ),
  DEADLINE_EXCEEDED: permanent(
    'The task missed its deadline. Raise it with `longshore task modify --deadline`, or submit without one.',
  ),
  HTTP_PORT_IN_USE: permanent(
    'The port for health and metrics is in use. Choose another one with --http-port, or 0 for a free one.',
  ),
  INTERNAL: transient('An error without its own code. The service that raised it has logged it with its stack.'),
  LEADER_LOST: transient('The service is no longer the leader and did not make the write. The new leader makes it.'),
  META_INVALID: permanent(
    "The task's meta doesn't fit its type's schema; the message names the field. See `longshore type show`.",
  ),
  META_TOO_LARGE: permanent(
    'The meta (256 KiB) or checkpoint (64 KiB) is too large for the store. Put the data elsewhere and name it.',
  ),
  NODE_FENCED: transient(
    'The node was declared dead, or another process registered under its name. Others have its work now.',
  ),
  NODE_LOST: permanent(
    'The node that ran a non-idempotent subtask was lost, so nobody knows how far it came. Decide yourself whether to run it again.',
  ),
  OVERLOADED: transient(
    'The owner that got the request answers as many others as it may at once, or its machine is too busy to check a meta. Send it again a little later, with the same key; start more owners if it happens often.',
  ),
  PLAN_INVALID: permanent('A plan hook returned something that is not a list of subtasks. Fix the task type.'),
  PLUGIN_CONTRACT: permanent(
    'The package was built for a version of the SDK contract, or uses a hook, that this executor cannot run. The message names it. Install a version that fits, or update the executor.',
  ),
  PLUGIN_INVALID: permanent('The package exports no task type, or a broken one. The message says what is wrong.'),
  PLUGIN_LOAD_FAILED: permanent(
    'The executor cannot import a package that its configuration names. Install it beside the executor, or correct its name.',
  ),
  PLUGIN_SETTINGS_INVALID: permanent(
    "The executor's settings for a plugin don't fit the schema that the plugin declares.",
  ),
  REPORT_INVALID: permanent(
    'A subtask said something of itself that it may not: progress that is no whole number from 0, or a result that is not JSON. The message names the field. Fix the task type.',
  ),
  ROW_LOCKED: transient(
    'Another session keeps a row of the store locked that the request needs, such as a transaction that somebody left open. Nothing was changed. Ask again, or end that session.',
  ),
  RUNNER_CRASHED: transient(
    'The runner of the subtask ended: out of memory, or an exit or a native crash in plugin code. The retry policy decides about the next attempt.',
  ),
  SERVICE_FAULT: transient(
    'A service met an error that nobody handled, which is a bug of Longshore. It logged the error with its stack, handed its work back and ended with exit code 70.',
  ),
  STATE_CONFLICT: permanent("The task's state doesn't allow this; the message names the state."),
  STEP_TOO_LARGE: permanent(
    'A plan made more subtasks for one step than its task type or the cluster allows. Plan larger subtasks, or raise the limit that the message names. What it had written is removed.',
  ),
  STORE_DATA_REFUSED: permanent(
    'Postgres refuses what a subtask is to be stored with, for its data; the message has the SQLSTATE. The subtask fails, and no other. Report it with what the task type returned.',
  ),
  STORE_POOLED: permanent(
    'A pooler between Longshore and Postgres gives sessions away after each transaction, or drops their settings. Let it pool sessions, or connect to Postgres itself.',
  ),
  STORE_REFUSED: permanent(
    'Postgres refuses the connection. The user, the password or the database in the URL is wrong.',
  ),
  STORE_SCHEMA_NEWER: permanent('A newer Longshore migrated the database. Use that version, or another database.'),
  STORE_SCHEMA_OLD: permanent('The database lacks migrations of this version. Run `longshore migrate`.'),
  STORE_UNAVAILABLE: transient('Postgres cannot be reached. Running work continues; its results are written later.'),
  SUBTASK_CRASHES: permanent(
    'A subtask crashed its process again and again, also while it ran alone in one; the message says how often and where. Look for native code that fails, or for memory beyond what its slots buy.',
  ),
  SUBTASK_FAILED: transient("A plugin threw an error without a code. The message is the plugin's own."),
  SUBTASK_STALLED: transient(
    'A subtask made no progress for the time that its task allows (stallTimeoutMs), or a hook for the time that its executor allows (--hook-stall-ms), and was stopped. This counts as a failure.',
  ),
  SUBTASK_TIMEOUT: transient(
    'An attempt of a subtask ran longer than its task allows (subtaskTimeoutMs), and was stopped. This counts as a failure.',
  ),
  TARGET_UNAVAILABLE: transient(
    "A database that the task works in can't be reached. Its work waits and goes on by itself, and no failure is counted; after an hour the task is paused. Bring the database back, then resume the task if it is paused.",
  ),
  TASK_CANCELED: permanent('The task was canceled.'),
  TASK_KEY_TAKEN: permanent('Another task has this key, with other content. Choose another key, or look at that task.'),
  TASK_NOT_FOUND: permanent('No task has this id or key, neither active nor in history.'),
  TYPE_CHANGED: permanent(
    'An executor has a task type with another schema, other steps or other hooks than the same version that is registered. Give the changed type a new version. `longshore dev` replaces it and says so.',
  ),
  TYPE_INCOMPATIBLE: permanent(
    'The task type is registered, but in no version that can run the task (the same major version, and not older). Load such a version on an executor, or submit with another version.',
  ),
  TYPE_UNKNOWN: permanent(
    'No executor ever registered this task type. Load its package on an executor. See `longshore type list`.',
  ),
} as const satisfies Record<string, ErrorCodeInfo>;

export type ErrorCode = keyof typeof ERROR_CODES;

/** Whether the code is one of the framework's own. */
export function isErrorCode(code: string): code is ErrorCode {
  return Object.hasOwn(ERROR_CODES, code);
}
