import type { ErrorData } from '../errors/longshore-error.ts';

/** What a subtask is suspected of: crashes of processes while it ran in them, since it last got further. */
export interface CrashRecord {
  /** Nodes whose process crashed while it ran there, in order; at most {@link LOSSES_UNTIL_ALONE}. */
  readonly nodes: readonly string[];
  /** Nodes on which it crashed a process of its own, in order. */
  readonly alone: readonly string[];
  /** The checkpoint that it had reached; null: none. With a higher one it has got further. */
  readonly checkpoint: unknown;
}

/**
 * So many nodes are lost before a subtask runs in a process of its own. One loss may have many causes, and a process for each subtask of a
 * node that crashed would be dear; the second loss with the same subtask is hardly chance.
 */
export const LOSSES_UNTIL_ALONE = 2;

/** So many crashes of processes of its own fail a subtask: they hurt nobody else, and may pass, like a machine short of memory. */
export const MOST_CRASHES_ALONE = 3;

/** Whether a subtask runs in a process of its own, so that its crash hurts nobody and is known. */
export function runsAlone(record: CrashRecord | null): boolean {
  return record !== null && record.nodes.length >= LOSSES_UNTIL_ALONE;
}

/** The record after a crash of a process in which the subtask was alone. */
export function withCrashAlone(record: CrashRecord, node: string): CrashRecord {
  return { ...record, alone: [...record.alone, node] };
}

/**
 * The record after a checkpoint. With a higher one, what crashed before is behind it: all crashes are counted anew. Who runs alone stays so:
 * in a thread it might end executors again.
 */
export function withCheckpoint(record: CrashRecord | null, checkpoint: unknown): CrashRecord | null {
  if (record === null || !isHigherCheckpoint(checkpoint, record.checkpoint)) return record;
  return runsAlone(record) ? { ...record, alone: [], checkpoint } : null;
}

/** Why a subtask has failed for good by its crashes; null: it is tried again. @param last how its last process ended. */
export function crashesError(record: CrashRecord, last: ErrorData): ErrorData | null {
  const { nodes, alone } = record;
  if (alone.length < MOST_CRASHES_ALONE) return null;
  return {
    code: 'SUBTASK_CRASHES',
    message:
      `it crashed its own process ${alone.length} times (on ${alone.join(', ')}), after ${nodes.length} executors ` +
      `crashed while it ran (on ${nodes.join(', ')}); last: ${last.message}`,
    permanent: true,
  };
}

/**
 * Whether a checkpoint is further than another one, so that what crashed before is behind it. Numbers are compared as numbers, also those
 * within texts of digits; other texts by their characters; lists and objects by the first of their values that differs, in the order of
 * their places and names. An attempt that starts from the beginning saves the checkpoints of the one before again: they are not higher.
 */
export function isHigherCheckpoint(value: unknown, than: unknown): boolean {
  return compare(value, than) > 0;
}

/** Kinds of JSON values, from the lowest: any value is higher than none. */
const KINDS = ['null', 'boolean', 'number', 'string', 'list', 'object'] as const;

function kindOf(value: unknown): number {
  if (value === null || value === undefined) return KINDS.indexOf('null');
  if (Array.isArray(value)) return KINDS.indexOf('list');
  return KINDS.indexOf(typeof value as (typeof KINDS)[number]);
}

function compare(a: unknown, b: unknown): number {
  const kinds = kindOf(a) - kindOf(b);
  if (kinds !== 0) return kinds;
  if (typeof a === 'number' || typeof a === 'boolean') return Number(a) - Number(b);
  if (typeof a === 'string') return compareTexts(a, String(b));
  if (Array.isArray(a)) return compareLists(a, b as readonly unknown[]);
  if (typeof a !== 'object' || a === null) return 0;
  return compareLists(entriesOf(a), entriesOf(b as object));
}

function compareTexts(a: string, b: string): number {
  if (/^\d+$/.test(a) && /^\d+$/.test(b)) return Number(BigInt(a) - BigInt(b));
  return a === b ? 0 : a < b ? -1 : 1;
}

function compareLists(a: readonly unknown[], b: readonly unknown[]): number {
  for (const [index, value] of a.entries()) {
    if (index >= b.length) return 1;
    const order = compare(value, b[index]);
    if (order !== 0) return order;
  }
  return a.length - b.length;
}

function entriesOf(value: object): readonly (readonly [string, unknown])[] {
  return Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1));
}
