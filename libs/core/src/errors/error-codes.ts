/** What an error means for the one who gets it. */
export interface ErrorCodeInfo {
  /** Permanent: trying the same again can't help. Transient: it may. */
  readonly permanent: boolean;
  /** What happened and what to do, for the reference page. */
  readonly help: string;
}

const permanent = (help: string): ErrorCodeInfo => ({ permanent: true, help });
const transient = (help: string): ErrorCodeInfo => ({ permanent: false, help });

/**
 * Every code that the framework itself raises. Plugins bring codes of their own, with a prefix of their own. The
 * reference page (docs/reference/errors.md) is held against this table by a test.
 */
export const ERROR_CODES = {
  ARGUMENT_INVALID: permanent('An argument of a request is missing or wrong; the message names the field.'),
  BUS_MESSAGE_TOO_LARGE: permanent(
    "A request or its reply is larger than the NATS server's max_payload. Ask for smaller pages, or raise max_payload (1 MiB by default).",
  ),
  BUS_TIMEOUT: transient(
    'No answer came in time. Ask for the state before sending a change again, or send it with the same key.',
  ),
  BUS_UNAVAILABLE: transient(
    'No owner answers or the NATS server is away. Check `longshore node list` and the services; running work goes on meanwhile.',
  ),
  CONFIG_INVALID: permanent(
    'An option of a service is missing or wrong; the message names the flag and the environment variable.',
  ),
  CONNECTION_UNKNOWN: permanent(
    'A task names a connection that the executor has not configured. Add it to the executor, or fix the name.',
  ),
  DEADLINE_EXCEEDED: permanent(
    'The task was not done by its deadline. Raise it with `longshore task modify --deadline`, or submit without one.',
  ),
  HTTP_PORT_IN_USE: permanent(
    'The port for health and metrics is taken. Choose another with --http-port, or 0 for a free one.',
  ),
  INTERNAL: transient('An error without a code of its own. The service that raised it has logged it with its stack.'),
  LEADER_LOST: transient('The service is no longer the leader; the write was not made, the new leader makes it.'),
  META_INVALID: permanent(
    "The task's meta doesn't fit its type's schema; the message names the field. See `longshore type show`.",
  ),
  META_TOO_LARGE: permanent(
    'The meta or checkpoint is larger than the store takes (256 KiB, 64 KiB). Put the data elsewhere and name it.',
  ),
  NODE_FENCED: transient(
    'The node was declared dead, or another process registered under its name. Its work has been given to others.',
  ),
  NODE_LOST: permanent(
    'The node that ran a non-idempotent subtask was lost, so nobody knows how far it came. Decide by hand whether to run it again.',
  ),
  PLAN_INVALID: permanent('A plan hook returned something that is not a list of subtasks. Fix the task type.'),
  PLUGIN_CONTRACT: permanent(
    'The package speaks another version of the SDK contract. Install the version that fits this executor.',
  ),
  PLUGIN_INVALID: permanent(
    'The package does not export a task type, or a broken one. The message says what is wrong.',
  ),
  PLUGIN_LOAD_FAILED: permanent(
    'A package named in the executor configuration cannot be imported. Install it beside the executor, or fix its name.',
  ),
  PLUGIN_SETTINGS_INVALID: permanent(
    "The executor's settings for a plugin don't fit the schema that the plugin declares.",
  ),
  RUNNER_CRASHED: transient(
    'The worker that ran the subtask ended: out of memory, or an exit in plugin code. It is run again by the retry policy.',
  ),
  STATE_CONFLICT: permanent("The task's state doesn't allow this; the message names the state."),
  STORE_REFUSED: permanent(
    'Postgres refuses the connection: the user, the password or the database in the URL is wrong.',
  ),
  STORE_SCHEMA_NEWER: permanent(
    'The database was migrated by a newer Longshore. Use that version, or a database of its own.',
  ),
  STORE_SCHEMA_OLD: permanent('The database lacks migrations of this version. Run `longshore migrate`.'),
  STORE_UNAVAILABLE: transient(
    'Postgres cannot be reached. Work that runs goes on; its results are written when it is back.',
  ),
  SUBTASK_FAILED: transient("A plugin threw an error without a code. The message is the plugin's own."),
  SUBTASK_STALLED: transient(
    'A subtask made no progress for as long as its task allows (stallTimeoutMs), and was stopped. It counts as a failure.',
  ),
  SUBTASK_TIMEOUT: transient(
    'An attempt of a subtask ran longer than its task allows (subtaskTimeoutMs), and was stopped. It counts as a failure.',
  ),
  TASK_CANCELED: permanent('The task was canceled.'),
  TASK_KEY_TAKEN: permanent(
    'A task of this key exists with other content. Choose another key, or look at the task that has it.',
  ),
  TASK_NOT_FOUND: permanent('There is no task of this id or key, neither active nor in history.'),
  TYPE_INCOMPATIBLE: permanent(
    'The task type is registered, but in no version that can run the task: the same major version, and not older. Load one on an executor, or submit with another version.',
  ),
  TYPE_UNKNOWN: permanent(
    'No executor ever registered this task type. Load its package on an executor; see `longshore type list`.',
  ),
} as const satisfies Record<string, ErrorCodeInfo>;

export type ErrorCode = keyof typeof ERROR_CODES;

/** Whether the code is one of the framework's own. */
export function isErrorCode(code: string): code is ErrorCode {
  return Object.hasOwn(ERROR_CODES, code);
}
