/**
 * Ids are 64-bit integers in the store. They travel as decimal strings, because a JavaScript number would lose digits
 * past 2^53; the brands keep a task's id from being passed where a subtask's is meant.
 */
export type TaskId = string & { readonly __brand: 'TaskId' };
export type SubtaskId = string & { readonly __brand: 'SubtaskId' };
/** A node's name, unique in the cluster and stable over restarts: what a subtask's `exec_id` holds. */
export type NodeId = string & { readonly __brand: 'NodeId' };

const DECIMAL = /^[1-9]\d{0,18}$/;
/** The store's ids are signed 64-bit integers; it refuses to compare with anything larger. */
const MAX_ID = 2n ** 63n - 1n;

/** Whether a text is an id of a task or a subtask: a positive decimal integer of 64 bits. */
export function isId(value: string): boolean {
  return DECIMAL.test(value) && BigInt(value) <= MAX_ID;
}

/** Reads a task id as a client sends it. @throws {RangeError} when it is not a positive decimal integer of 64 bits. */
export function taskId(value: string): TaskId {
  if (!isId(value)) throw new RangeError(`not a task id: ${JSON.stringify(value)}`);
  return value as TaskId;
}

/** Reads a subtask id. @throws {RangeError} when it is not a positive decimal integer of 64 bits. */
export function subtaskId(value: string): SubtaskId {
  if (!isId(value)) throw new RangeError(`not a subtask id: ${JSON.stringify(value)}`);
  return value as SubtaskId;
}

/**
 * Reads a node's name: letters, digits, `-` and `_`, which a NATS subject can carry.
 *
 * @throws {RangeError} when it is empty, longer than 128 characters, or has others.
 */
export function nodeId(value: string): NodeId {
  if (!/^[A-Za-z0-9_-]{1,128}$/.test(value)) {
    throw new RangeError(`not a node id: ${JSON.stringify(value)} (letters, digits, "-" and "_", at most 128)`);
  }
  return value as NodeId;
}
