/** The largest meta of a task, in bytes of JSON: it is read with the task, so it stays small enough for one message. */
export const MAX_META_BYTES = 256 * 1024;
/** The largest checkpoint or result of a subtask, in bytes of JSON. */
export const MAX_CHECKPOINT_BYTES = 64 * 1024;
/** The largest meta of one subtask, in bytes of JSON. */
export const MAX_SUBTASK_META_BYTES = 64 * 1024;
/** Tasks scheduled at once, as in the published stepped design: more would only share the same slots. */
export const DEFAULT_MAX_SCHEDULED_TASKS = 16;
/** The most that this can be set to. */
export const MAX_SCHEDULED_TASKS = 1_000;
/** Longest key of a task, in characters. */
export const MAX_KEY_CHARS = 256;
