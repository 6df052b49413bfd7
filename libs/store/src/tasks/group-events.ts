import type { TaskEvent } from './task-event.ts';

/**
 * How many events of one kind a task may have in a row of their own before further ones become a group. A person reads as many one by one;
 * an outage of 12 s made 110.
 */
export const MOST_SINGLE_EVENTS = 10;
/** Rows of a task's newest events that are looked through for those of the same kind: each kind has at most eleven recent ones. */
export const LOOK_BACK_ROWS = 64;
/** Events this long after the last one of their kind are news again, in seconds. */
export const GROUP_QUIET_S = 60;
/** A group is begun anew after this time, in seconds, so that a long outage shows when it went on. */
export const GROUP_LONGEST_S = 600;

/** A recent row of a task's events. */
export interface RecentEvent {
  readonly seq: number;
  readonly kind: string;
  readonly message: string | null;
  /** How many events it stands for. */
  readonly events: number;
}

/** A new row. */
export interface EventRow extends TaskEvent {
  /** How many events it stands for. Default 1. */
  readonly events?: number;
}

/** A row that is there, and stands for more events now. */
export interface GrownGroup {
  readonly seq: number;
  readonly more: number;
  /** That of its newest event. */
  readonly message: string | null;
}

/** What is written for some events. */
export interface GroupedEvents {
  readonly rows: readonly EventRow[];
  readonly grown: readonly GrownGroup[];
}

/** A group that takes further events: a row that is there, or one of the new ones. */
interface OpenGroup {
  /** Number of the row that is there, or null. */
  readonly seq: number | null;
  /** How many events are added to it. */
  more: number;
  message: string | null;
}

interface DraftRow {
  readonly event: TaskEvent;
  /** The group that it begins. */
  readonly group: OpenGroup | null;
}

/**
 * Groups events of subtasks: the first ones of a kind and code have a row each, further ones share one, which keeps the subtask and the actor
 * of its first. Events of the task itself are never grouped.
 *
 * @param recent the task's newest rows, in order of their numbers, without those that are too old.
 */
export function groupEvents(recent: readonly RecentEvent[], events: readonly TaskEvent[]): GroupedEvents {
  const singles = new Map<string, number>();
  const groups = new Map<string, OpenGroup>();
  for (const { seq, kind, message, events: count } of recent) {
    const key = keyOf(kind, message);
    const single = singles.get(key) ?? 0;
    // The row after the last single one is a group, though it may stand for one event yet.
    if (count > 1 || single >= MOST_SINGLE_EVENTS) groups.set(key, { seq, more: 0, message });
    else singles.set(key, single + 1);
  }
  const drafts: DraftRow[] = [];
  for (const event of events) {
    const message = event.message ?? null;
    const key = keyOf(event.kind, message);
    const isOfSubtask = event.subtaskId !== undefined && event.subtaskId !== null;
    const single = singles.get(key) ?? 0;
    const open = isOfSubtask ? groups.get(key) : undefined;
    if (open !== undefined) {
      open.more += 1;
      open.message = message;
    } else if (!isOfSubtask || single < MOST_SINGLE_EVENTS) {
      singles.set(key, single + 1);
      drafts.push({ event, group: null });
    } else {
      const group: OpenGroup = { seq: null, more: 0, message };
      groups.set(key, group);
      drafts.push({ event, group });
    }
  }
  return {
    rows: drafts.map(({ event, group }) =>
      group === null ? event : { ...event, message: group.message, events: 1 + group.more },
    ),
    grown: [...groups.values()].flatMap(({ seq, more, message }) =>
      seq === null || more === 0 ? [] : [{ seq, more, message }],
    ),
  };
}

/** Events with the same code of an error are of one kind; others are by their kind alone. */
function keyOf(kind: string, message: string | null): string {
  const [code = ''] = /^[A-Z][A-Z0-9_]+(?=: )/.exec(message ?? '') ?? [];
  return `${kind} ${code}`;
}
