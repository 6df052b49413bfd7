/** What an error says to the one who gets it. */
export interface ErrorText {
  /** When it is raised: what was going on. */
  readonly when: string;
  /** Why that can be, and what it means for the work. */
  readonly why: string;
  /** What the reader can do. */
  readonly whatToDo: string;
}

/** What an error means for the one who gets it. */
export interface ErrorCodeInfo extends ErrorText {
  /** Permanent: another try can't help. Transient: it may. */
  readonly permanent: boolean;
}

const permanent = (text: ErrorText): ErrorCodeInfo => ({ permanent: true, ...text });
const transient = (text: ErrorText): ErrorCodeInfo => ({ permanent: false, ...text });

/**
 * Every code that the framework itself raises. Plugins have their own codes, with their own prefix. Tests compare the
 * reference page (docs/reference/errors.md) with this table, and want a test for each code that provokes it.
 */
export const ERROR_CODES = {
  ARGUMENT_INVALID: permanent({
    when: 'A request, an option of the command line or a call of the client has an argument that is missing, unknown or out of its bounds.',
    why: 'The caller made a mistake, or uses a newer or older version than the one that answers. Nothing was changed.',
    whatToDo: 'The message names the field and its bounds. Correct it, and send the request again.',
  }),
  BUS_MESSAGE_TOO_LARGE: permanent({
    when: "A request or its reply is larger than the NATS server's max_payload.",
    why: 'The page that was asked for has many or large items, or the server has a lower limit than the usual 1 MiB.',
    whatToDo: 'Ask for smaller pages, or raise max_payload of the server.',
  }),
  BUS_TIMEOUT: transient({
    when: 'No answer to a request came in time (5 s by default).',
    why: 'The owner is overloaded or was just lost, or the network drops messages. The request may have been carried out.',
    whatToDo:
      'Look at the state before you send a change again. A submit may be sent again with the same key: nothing starts twice.',
  }),
  BUS_UNAVAILABLE: transient({
    when: 'A request cannot be sent: the NATS server is away, or no owner answers.',
    why: 'The server is down, its address or credentials are wrong, or no owner of this cluster is connected to it. Nothing was sent.',
    whatToDo: 'Check the address, the NATS server and the owners; try again. Running work continues meanwhile.',
  }),
  CLUSTER_NOT_FOUND: permanent({
    when: 'A command or `connectLongshore` is to connect, and no cluster is named.',
    why: 'No server is given, LONGSHORE_NATS_URL is not set, and no `longshore dev` runs in this folder or one above it.',
    whatToDo:
      'Start one with `longshore dev`, or name a NATS server: LONGSHORE_NATS_URL, `servers`, or --server on the command line.',
  }),
  CONFIG_INVALID: permanent({
    when: 'A service starts, or a client connects, with an option that is missing or wrong.',
    why: 'The value has another form than the option wants, or a file that it names cannot be read.',
    whatToDo: 'The message names the flag and the environment variable. Correct it, and start again.',
  }),
  CONNECTION_UNKNOWN: permanent({
    when: 'A task names a connection that the executor does not have, or a hook one that its type does not name in `connections`.',
    why: 'The name is misspelt, or this executor was started without LONGSHORE_CONNECTION_<NAME>.',
    whatToDo: 'Correct the name in the meta, or add the connection to every executor that loads the type.',
  }),
  DEADLINE_EXCEEDED: permanent({
    when: 'A task was not done when its deadline was over. It fails, as its `onFailure` says.',
    why: 'It took or waited longer than its submit or its type allows. Paused time does not count.',
    whatToDo:
      'Submit it with a later deadline or without one; while it runs, raise it with `longshore task modify --deadline`.',
  }),
  HTTP_PORT_IN_USE: permanent({
    when: 'A service cannot open its port for health and metrics.',
    why: 'Another process listens there, often an older one of the same service.',
    whatToDo: 'Stop that process, or choose another port with --http-port; 0 takes a free one.',
  }),
  INTERNAL: transient({
    when: 'A service met an error that has no code of its own.',
    why: 'It may be a fault of Longshore, or trouble that it does not know. The service has logged it with its stack.',
    whatToDo: 'Try again. If it stays, look at the log of the service, and report the error with its stack.',
  }),
  LEADER_LOST: transient({
    when: 'A service wanted to write as the leader, and another one leads by now.',
    why: 'It did not renew its lease in time: it was paused, slow, or cut off from Postgres. It did not make the write.',
    whatToDo:
      'Nothing: the new leader makes it. If it happens often, look at the load of the store and of the machine.',
  }),
  META_INVALID: permanent({
    when: "A submit's meta, or a changed one, does not fit the schema of the task's type.",
    why: 'A field is missing, unknown, or has another form than the type wants.',
    whatToDo: 'The message names the field; `longshore type show` shows the schema. Correct it, and submit again.',
  }),
  META_TOO_LARGE: permanent({
    when: 'A meta has more than 256 KiB of JSON, or a checkpoint or a subtask more than 64 KiB.',
    why: 'The store keeps each in one row, which is read often. Data itself does not belong there.',
    whatToDo: 'Put the data elsewhere, such as in a file or a table, and name it in the meta.',
  }),
  NODE_FENCED: transient({
    when: 'An executor writes for a node that was declared dead, or that another process has registered.',
    why: 'It was away from the store for longer than its lease, or two executors have the same name. Others have its work now.',
    whatToDo: 'Nothing: the executor registers anew. If it comes back, give each executor its own LONGSHORE_NODE_ID.',
  }),
  NODE_LOST: permanent({
    when: 'The node that ran a non-idempotent subtask was lost.',
    why: 'Its process or machine ended, or could not reach the store. Nobody knows how far the work came, so it is not run again by itself.',
    whatToDo:
      'Look at the target, and decide: `longshore task retry` runs it again, `longshore task skip` counts it as done.',
  }),
  OVERLOADED: transient({
    when: 'An owner refuses a request because it answers as many others as it may at once, or its machine is too busy to check a meta.',
    why: 'More requests come than the owners and the store can answer, or other processes take the machine.',
    whatToDo: 'Send it again a little later, with the same key; start more owners if it happens often.',
  }),
  PLAN_INVALID: permanent({
    when: 'A plan, or the choice of the next step or of its nodes, is none that the framework can use.',
    why: 'A hook of the task type returned something that is no list of subtasks, a step twice, or metas that are too large or no JSON.',
    whatToDo: 'The message says which. Fix the task type, load its new version, and submit again.',
  }),
  PLUGIN_CONTRACT: permanent({
    when: 'An executor refuses a package that was built for another version of the SDK contract.',
    why: 'The package is newer or much older than the executor, or uses a hook that the executor does not know.',
    whatToDo: 'The message names the versions. Install a version of the package that fits, or update the executor.',
  }),
  PLUGIN_INVALID: permanent({
    when: 'An executor loads a package that exports no task type, or a broken one.',
    why: 'Its default export was not made by `defineTaskType`, lacks a hook, or has a schema that cannot be used.',
    whatToDo: 'The message says what is wrong. Fix the package, or take it out of LONGSHORE_PLUGINS.',
  }),
  PLUGIN_LOAD_FAILED: permanent({
    when: 'An executor cannot import a package that its configuration names.',
    why: 'It is not installed beside the executor, its name is misspelt, or its code throws when it is loaded.',
    whatToDo: 'Install it, or correct its name in LONGSHORE_PLUGINS; the message has the error of the import.',
  }),
  PLUGIN_SETTINGS_INVALID: permanent({
    when: "An executor starts with settings of a plugin that do not fit the plugin's schema.",
    why: 'LONGSHORE_PLUGIN_SETTINGS lacks a field, or has one with another form.',
    whatToDo: 'The message names the plugin and the field. Correct the settings, and start the executor again.',
  }),
  REPORT_INVALID: permanent({
    when: 'A subtask said something of itself that it may not.',
    why: 'Its code reports progress that is no whole number from 0, or a name, a checkpoint or a reason that has another form.',
    whatToDo: 'The message names the field. Fix the task type.',
  }),
  ROW_LOCKED: transient({
    when: 'A request needs a row of the store that another session keeps locked for longer than some 2 s.',
    why: 'Somebody left a transaction open that has touched the row, or that has submitted a task under the same key. Nothing was changed.',
    whatToDo: 'Ask again. If it stays, find that session in pg_stat_activity of the store, and end it.',
  }),
  RUNNER_CRASHED: transient({
    when: 'The thread or process that ran a subtask ended before the subtask did.',
    why: 'It ran out of memory, or code of the task type exited or crashed natively.',
    whatToDo:
      'Nothing at first: the retry policy tries again. If it stays, look at the log of the executor, and give the task more memory by more slots.',
  }),
  SERVICE_FAULT: transient({
    when: 'A service met an error that nobody handled, and ended with exit code 70.',
    why: 'That is a fault of Longshore. The service logged the error with its stack and handed its work back.',
    whatToDo: 'Let your supervisor start it again, and report the error with its stack.',
  }),
  STATE_CONFLICT: permanent({
    when: 'A control or a change came in a state of the task that does not allow it.',
    why: 'The task has ended or moved on meanwhile, or another control is being carried out.',
    whatToDo:
      'The message names the state; docs/task-lifecycle.md says what each state allows. Look at the task, and decide anew.',
  }),
  STEP_TOO_LARGE: permanent({
    when: 'A plan made more subtasks for one step than the task type or the cluster allows. What it had written is removed.',
    why: 'The input is larger than planned for, its parts are too small, or the plan never ends.',
    whatToDo: 'Plan larger subtasks, or raise the limit that the message names.',
  }),
  STORE_DATA_REFUSED: permanent({
    when: 'Postgres refuses what a subtask is to be stored with. The subtask fails, and no other.',
    why: 'Its result, checkpoint or error has data that the store cannot keep; the message has the SQLSTATE.',
    whatToDo: 'Report it with what the task type returned.',
  }),
  STORE_POOLED: permanent({
    when: "A service's session with the store is not its own, or lacks its settings.",
    why: 'A pooler between Longshore and Postgres gives sessions away after each transaction, or drops their start-up settings.',
    whatToDo: 'Let the pooler pool sessions, or connect to Postgres itself.',
  }),
  STORE_REFUSED: permanent({
    when: 'Postgres refuses the connection to the store.',
    why: 'The user, the password or the database in the URL is wrong, or the server does not let this client in.',
    whatToDo: 'Correct the URL, or the rights of the role; the message has what Postgres said.',
  }),
  STORE_SCHEMA_NEWER: permanent({
    when: 'A service or `longshore migrate` finds a store whose schema it does not know.',
    why: 'A newer Longshore has migrated the database.',
    whatToDo: 'Use that version, or another database.',
  }),
  STORE_SCHEMA_OLD: permanent({
    when: 'A service finds a store that lacks migrations of its version. It waits for them.',
    why: 'The database is new, or Longshore was updated and nobody migrated yet.',
    whatToDo: 'Run `longshore migrate`.',
  }),
  STORE_UNAVAILABLE: transient({
    when: 'The store cannot be reached, or a session with it broke off.',
    why: 'Postgres is down, restarts or fails over, or the network is away.',
    whatToDo: 'Bring Postgres back. Running work continues; its results are written later.',
  }),
  SUBTASK_CRASHES: permanent({
    when: 'A subtask crashed its process again and again, also while it ran alone in one.',
    why: 'Native code of the task type fails on this data, or it needs more memory than its machine or container has.',
    whatToDo:
      'The message says how often and where. Mend that code, or give the executor more memory; then `longshore task retry`.',
  }),
  SUBTASK_FAILED: transient({
    when: 'A subtask or a hook threw an error without a code.',
    why: "The message is the plugin's own, or that of a library that it uses.",
    whatToDo: 'Nothing at first: the retry policy tries again. If it stays, read the message, and remove its cause.',
  }),
  SUBTASK_STALLED: transient({
    when: 'A subtask made no progress for the time that its task allows (stallTimeoutMs), or a hook for the time that its executor allows (--hook-stall-ms), and was stopped.',
    why: 'It waits for something without saying so, works silently for long, or hangs. This counts as a failure.',
    whatToDo: 'Raise the limit, or let the task type say what it does and waits for.',
  }),
  SUBTASK_TIMEOUT: transient({
    when: 'An attempt of a subtask ran longer than its task allows (subtaskTimeoutMs), and was stopped.',
    why: 'The work is larger than the limit has room for, or it hangs. This counts as a failure.',
    whatToDo: 'Raise the limit, or let the plan make smaller subtasks.',
  }),
  TARGET_UNAVAILABLE: transient({
    when: 'A database that a task works in cannot be reached. Its work waits and goes on by itself; no failure is counted.',
    why: 'The server is down, restarts or fails over, has no connection left, or the network is away.',
    whatToDo: 'Bring the database back. After an hour the task is paused: then resume it with `longshore task resume`.',
  }),
  TASK_CANCELED: permanent({
    when: 'Somebody waits for the result of a task that was canceled.',
    why: 'A person or a program canceled it; `longshore task events` says who, and with which reason.',
    whatToDo: 'Submit it again if it is still wanted.',
  }),
  TASK_KEY_TAKEN: permanent({
    when: 'A submit has a key that another task has, with other content.',
    why: 'Keys are chosen anew too seldom, or the content changed while the key stayed. All runs of a key have one content.',
    whatToDo: 'Look at that task. If another one is wanted, choose another key.',
  }),
  TASK_NOT_FOUND: permanent({
    when: 'A request names a task that is there neither among the active ones nor in history.',
    why: 'The id or key is wrong, it belongs to another cluster, or the task ended more than 14 days ago.',
    whatToDo: 'Look for it with `longshore task list --history`.',
  }),
  TYPE_CHANGED: permanent({
    when: 'An executor registers a task type with another schema, other steps or other hooks than the same version that is registered.',
    why: 'The type was changed, and its version stayed. Tasks of that version would be checked by one schema and run by the other.',
    whatToDo: 'Give the changed type a new version. `longshore dev` replaces it and says so.',
  }),
  TYPE_INCOMPATIBLE: permanent({
    when: 'A task needs a version of its type that no executor has.',
    why: 'The type is registered, but in no version with the same major version that is not older.',
    whatToDo: 'Load such a version on an executor, or submit with another version.',
  }),
  TYPE_UNKNOWN: permanent({
    when: 'A submit names a task type that no executor ever registered.',
    why: 'The name is misspelt, or no executor loads its package.',
    whatToDo: 'See `longshore type list`. Correct the name, or name the package in LONGSHORE_PLUGINS of an executor.',
  }),
} as const satisfies Record<string, ErrorCodeInfo>;

export type ErrorCode = keyof typeof ERROR_CODES;

/** Whether the code is one of the framework's own. */
export function isErrorCode(code: string): code is ErrorCode {
  return Object.hasOwn(ERROR_CODES, code);
}
