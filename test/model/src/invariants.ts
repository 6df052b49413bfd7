import {
  isTaskTransition,
  isTerminalTaskState,
  SUBTASK_TRANSITIONS,
  TASK_TRANSITIONS,
  type TaskState,
  type TaskTrigger,
} from '@longshore/core';
import type pg from 'pg';
import { lookAtHistory } from './history.ts';
import { JOURNAL_COLUMNS, type JournalEntry } from './journal.ts';
import { seen } from './seen.ts';
import type { SimExecutor } from './sim-executor.ts';

interface TaskRow {
  readonly id: string;
  readonly state: string;
  readonly event_seq: number;
}

interface SubtaskRow {
  readonly id: string;
  readonly task_id: string;
  readonly kind: string;
  readonly state: string;
  readonly exec_id: string;
  readonly node_epoch: string | null;
  readonly attempt: number;
}

interface EventRow {
  readonly task_id: string;
  readonly seq: number;
  readonly kind: string;
  readonly from_state: string | null;
  readonly to_state: string | null;
}

interface Everything {
  readonly journal: readonly JournalEntry[];
  readonly tasks: readonly TaskRow[];
  readonly rows: readonly SubtaskRow[];
  readonly events: readonly EventRow[];
}

const TRIGGERS: ReadonlySet<string> = new Set(TASK_TRANSITIONS.map((row) => row.on));

const isSubtaskChange = (from: string, to: string): boolean =>
  SUBTASK_TRANSITIONS.some((row) => row.from === from && row.to === to);

function listOf(table: string, columns: string, order: string): string {
  return `(SELECT coalesce(json_agg(json_build_object(${columns}) ORDER BY ${order}), '[]') FROM ${table})`;
}

function tell({ op, subtask, task, kind, attempt, from, to }: JournalEntry): string {
  return `task ${task}: ${kind} ${subtask} (attempt ${attempt}): ${op} ${from ?? ''} → ${to ?? ''}`;
}

/** What must hold after each command, whatever happened. */
export class Invariants {
  readonly #session: pg.Pool;
  /** States of subtasks as the journal told them last. */
  readonly #states = new Map<string, string>();
  readonly #blames: string[] = [];
  /** What happened up to now, for whoever reads a failure. */
  readonly #story: string[] = [];
  /** Events that are in the story. */
  #told = 0;

  constructor(session: pg.Pool) {
    this.#session = session;
  }

  /** Notes what doesn't hold: thrown by the next look. */
  blame(what: string, evidence: unknown): void {
    const text = JSON.stringify(evidence, (_key, value: unknown) =>
      value instanceof Error ? { name: value.name, message: value.message, stack: value.stack } : value,
    );
    this.#blames.push(`${what}: ${text}`);
  }

  /** @param executors those that are up. @throws {Error} what doesn't hold. */
  async look(executors: Iterable<SimExecutor>): Promise<void> {
    const { journal, tasks, rows, events } = await this.#read();
    this.#story.push(...journal.map(tell));
    this.#lookAtJournal(journal);
    this.#lookAtEvents(
      tasks,
      Map.groupBy(
        events.toSorted((a, b) => a.seq - b.seq),
        (event) => event.task_id,
      ),
    );
    this.#lookAtRows(tasks, rows);
    for (const executor of executors) this.#lookAtHolder(executor, rows);
    for (const event of events.slice(this.#told)) {
      this.#story.push(`task ${event.task_id}: ${event.kind} ${event.from_state ?? ''} → ${event.to_state ?? ''}`);
    }
    this.#told = events.length;
    this.#throwBlames();
  }

  /** Everything in one statement: it is asked for after each command. */
  async #read(): Promise<Everything> {
    const { rows } = await this.#session.query<Everything>(`
      WITH taken AS (DELETE FROM model_journal RETURNING *)
      SELECT ${listOf('taken', JOURNAL_COLUMNS, 'n')} AS journal,
        ${listOf('tasks', `'id', id::text, 'state', state, 'event_seq', event_seq`, 'id')} AS tasks,
        ${listOf(
          'subtasks',
          `'id', id::text, 'task_id', task_id::text, 'kind', kind, 'state', state, 'exec_id', exec_id,
           'node_epoch', node_epoch::text, 'attempt', attempt`,
          'id',
        )} AS rows,
        ${listOf(
          'task_events',
          `'task_id', task_id::text, 'seq', seq, 'kind', kind, 'from_state', from_state, 'to_state', to_state`,
          'at, task_id, seq',
        )} AS events`);
    const read = rows[0];
    if (read === undefined) throw new TypeError('a statement without FROM has one row');
    return read;
  }

  async lookAtHistory(tasks: readonly string[]): Promise<void> {
    await lookAtHistory(this.#session, tasks, (what, evidence) => this.blame(what, evidence));
    this.#throwBlames();
  }

  #throwBlames(): void {
    if (this.#blames.length > 0) throw new Error([...this.#blames, 'what happened:', ...this.#story].join('\n'));
  }

  /** Each change of a subtask's state is in the table; what must not be run twice is never given back. */
  #lookAtJournal(journal: readonly JournalEntry[]): void {
    const archived = new Set(journal.filter((entry) => entry.op === 'history').map((entry) => entry.subtask));
    for (const entry of journal) {
      const last = this.#states.get(entry.subtask);
      switch (entry.op) {
        case 'insert':
          if (entry.to !== 'pending') this.blame('a subtask did not begin as pending', entry);
          this.#states.set(entry.subtask, 'pending');
          break;
        case 'update':
          if (entry.from !== last) this.blame(`a subtask was ${last ?? 'unknown'} before`, entry);
          if (!isSubtaskChange(entry.from ?? '', entry.to ?? '')) this.blame('a change is not in the table', entry);
          if (entry.from === 'running' && entry.to !== 'failed' && !entry.isIdempotent) {
            this.blame('a non-idempotent subtask was given back', entry);
          }
          seen.subtask(entry.from, entry.to);
          this.#states.set(entry.subtask, entry.to ?? '');
          break;
        case 'delete':
          // Rows that never began leave nothing behind: they are counted, or belong to a plan that was given up.
          if (!archived.has(entry.subtask) && (entry.from !== 'pending' || entry.attempt > 0)) {
            this.blame('a subtask vanished', entry);
          }
          break;
        case 'history':
          seen.subtask(last ?? null, entry.to);
          if (entry.to !== last && !isSubtaskChange(last ?? '', entry.to ?? '')) {
            this.blame(`a subtask was ${last ?? 'unknown'} before`, entry);
          }
          if (
            entry.to === 'succeed' &&
            last === 'running' &&
            entry.kind === 'work' &&
            isTerminalTaskState(entry.taskState ?? '')
          ) {
            this.blame('a subtask succeeded after its task had ended', entry);
          }
          break;
      }
    }
  }

  /** Numbered without gaps, each transition in the table, each beginning where the one before ended. */
  #lookAtEvents(tasks: readonly TaskRow[], eventsOf: ReadonlyMap<string, readonly EventRow[]>): void {
    const stateOf = new Map(tasks.map((task) => [task.id, task]));
    for (const [id, events] of eventsOf) {
      let state: string | null = null;
      for (const [index, event] of events.entries()) {
        if (event.seq !== index + 1) this.blame('an event is missing', event);
        if (event.kind === 'submit') state = event.to_state;
        if (!TRIGGERS.has(event.kind)) continue;
        if (event.from_state !== state) this.blame(`a task was ${state ?? 'nothing'} before`, event);
        state = event.to_state;
        seen.task(event.from_state, event.kind, event.to_state);
        const isInTable = isTaskTransition(
          event.from_state as TaskState,
          event.kind as TaskTrigger,
          state as TaskState,
        );
        if (!isInTable) this.blame('a transition is not in the table', event);
      }
      const task = stateOf.get(id);
      if (task === undefined) {
        if (!isTerminalTaskState(state ?? '')) this.blame('a task is gone that had not ended', { id, state });
        continue;
      }
      if (task.state !== state) this.blame(`a task's last event says ${state ?? 'nothing'}`, task);
      if (task.event_seq !== events.length) this.blame(`a task has ${events.length} events`, task);
    }
  }

  /** Nothing is left to do of a task that has ended, and nothing runs of one that is paused. */
  #lookAtRows(tasks: readonly TaskRow[], rows: readonly SubtaskRow[]): void {
    const stateOf = new Map(tasks.map((task) => [task.id, task.state]));
    for (const row of rows) {
      const state = stateOf.get(row.task_id);
      if (state === undefined) this.blame('a subtask is left of a task that is gone', row);
      else if (
        isTerminalTaskState(state) &&
        row.kind !== 'clean' &&
        (row.state === 'pending' || row.state === 'paused')
      )
        this.blame(`a subtask is left of a task that is ${state}`, row);
      else if (state === 'paused' && row.state === 'running') this.blame('a subtask runs of a paused task', row);
    }
  }

  /** What the store says that a node runs is what it runs. */
  #lookAtHolder(executor: SimExecutor, rows: readonly SubtaskRow[]): void {
    const { id, epoch } = executor.identity;
    const held = rows.filter((row) => row.state === 'running' && row.exec_id === id && row.node_epoch === epoch);
    for (const row of held) {
      if (executor.unknown.has(row.id)) continue;
      if (executor.runs.get(row.id)?.claimed.attempt !== row.attempt)
        this.blame('a node does not run what it holds', row);
    }
    const heldIds = new Set(held.map((row) => row.id));
    for (const run of executor.runs.values()) {
      if (!heldIds.has(run.claimed.id)) this.blame('a node runs what it does not hold', { id, run: run.claimed });
    }
  }
}
