import { setTimeout as wait } from 'node:timers/promises';
import { hasCode, type ErrorCode } from '@longshore/core';
import { faultPoint } from '@longshore/faults';
import {
  eachOnItsOwn,
  isDataRefusal,
  isRowLocked,
  LockPatience,
  settleSubtasks,
  type NodeIdentity,
  type SettleResult,
  type Settlement,
  type Store,
} from '@longshore/store';
import type { Logger } from '@longshore/telemetry';

/** Tasks whose planned step has become the current one with a batch, and what was claimed of it. */
export type StepStart = Pick<SettleResult, 'started' | 'claimed'>;

const NOTHING_STARTED: StepStart = { started: new Map(), claimed: [] };

export interface SettlementQueueOptions {
  readonly store: Store;
  readonly logger: Logger;
  /** Who writes, now: the registration may change while results wait. */
  readonly identity: () => NodeIdentity;
  /** Told of a batch that could not be written: its rows are freed by this node when it looks for what it doesn't know. */
  readonly onGivenUp: (batch: readonly Settlement[]) => void;
  /** Told after each batch that reached the store. */
  readonly onWritten: (written: readonly Settlement[], lost: readonly Settlement[], start: StepStart) => void;
}

/** Ends of subtasks in one transaction: beyond this the locks are held for too long. */
const MAX_BATCH = 2_000;
const LONGEST_WAIT_MS = 2_000;
/** How often a batch is tried that Postgres answers with an error: a time-out of a lock or a statement may pass. */
const MOST_TRIES = 5;

/**
 * Ends of subtasks on their way to the store. What comes while a batch is being written makes up the next one, so the batch
 * grows with the load and a single result isn't kept waiting. While Postgres is away they stay here and are tried again. So are those of a task
 * that somebody keeps locked: they are set aside, and delay those of no other task.
 */
export class SettlementQueue {
  readonly #options: SettlementQueueOptions;
  #waiting: Settlement[] = [];
  #writing: Promise<void> | null = null;
  /** Ends that wait for their locked task, by task. */
  readonly #aside = new Map<string, { readonly ends: Settlement[]; readonly writing: Promise<void> }>();

  constructor(options: SettlementQueueOptions) {
    this.#options = options;
  }

  add(settlements: readonly Settlement[]): void {
    if (settlements.length === 0) return;
    for (const one of settlements) (this.#aside.get(one.taskId)?.ends ?? this.#waiting).push(one);
    if (this.#waiting.length > 0) this.#writing ??= this.#write();
  }

  /** Resolves when everything that was added has been written or given up on. */
  async drained(): Promise<void> {
    while (this.#writing !== null || this.#aside.size > 0) {
      await this.#writing;
      await Promise.all([...this.#aside.values()].map((one) => one.writing));
    }
  }

  async #write(): Promise<void> {
    try {
      while (this.#waiting.length > 0) {
        await this.#writeUnlocked(this.#waiting.splice(0, MAX_BATCH));
      }
    } finally {
      // In the same step as the last look at what waits: an end that came between the two would wait for the next one.
      this.#writing = null;
    }
  }

  /** Writes a batch; where somebody has locked a row of it, task by task. */
  async #writeUnlocked(batch: readonly Settlement[]): Promise<void> {
    const patience = new LockPatience();
    const [locked] = await eachOnItsOwn([batch], patience, () => this.#writeBatch(batch, patience.ms));
    if (locked === undefined) return;
    const byTask = Map.groupBy(batch, (one) => one.taskId);
    const leftOut = await eachOnItsOwn(byTask, patience, ([, ends]) => this.#writeBatch(ends, patience.ms));
    for (const { item } of leftOut) this.#setAside(...item);
  }

  #setAside(taskId: string, locked: readonly Settlement[]): void {
    const { logger } = this.#options;
    const known = this.#aside.get(taskId);
    if (known !== undefined) {
      // They had been waiting for their batch when the task was found locked.
      known.ends.push(...locked);
      return;
    }
    logger.warn(
      { task_id: taskId, results: locked.length },
      'holding results of a task that another session has locked',
    );
    const ends = [...locked];
    this.#aside.set(taskId, { ends, writing: this.#writeAside(taskId, ends) });
  }

  /** Writes what was set aside of a task, and what is added to it meanwhile, as soon as the task is free. */
  async #writeAside(taskId: string, ends: Settlement[]): Promise<void> {
    const patience = new LockPatience();
    for (let pauseMs = 50; ends.length > 0; pauseMs = Math.min(LONGEST_WAIT_MS, pauseMs * 2)) {
      await wait(pauseMs);
      const batch = ends.slice(0, MAX_BATCH);
      const [locked] = await eachOnItsOwn([batch], patience, () => this.#writeBatch(batch, patience.ms));
      if (locked === undefined) ends.splice(0, batch.length);
    }
    this.#aside.delete(taskId);
  }

  /** @throws Postgres's error 55P03 when somebody has locked a row of the batch. */
  async #writeBatch(batch: readonly Settlement[], lockTimeoutMs: number): Promise<void> {
    const { store, logger, identity, onWritten } = this.#options;
    let failures = 0;
    let isHeld = false;
    for (let pauseMs = 50; ; pauseMs = Math.min(LONGEST_WAIT_MS, pauseMs * 2)) {
      try {
        await faultPoint('settle.before');
        const result = await settleSubtasks(store.db, identity(), batch, lockTimeoutMs);
        await faultPoint('settle.after-commit');
        const lost = new Set(result.lost);
        onWritten(
          batch.filter((one) => !lost.has(one.id)),
          batch.filter((one) => lost.has(one.id)),
          result,
        );
        return;
      } catch (error) {
        if (isRowLocked(error)) throw error;
        if (isDataRefusal(error)) return this.#writeHalves(batch, error, lockTimeoutMs);
        const isAway = hasCode(error, 'STORE_UNAVAILABLE');
        if (!isAway && ++failures >= MOST_TRIES) {
          this.#giveUp(batch, error);
          return;
        }
        // An outage is said once, however often this tries.
        if (!isAway) logger.warn({ error, results: batch.length }, 'results were not written, trying again');
        else if (!isHeld) logger.warn({ error, results: batch.length }, 'holding results until Postgres is back');
        isHeld ||= isAway;
      }
      await wait(pauseMs);
    }
  }

  /** A batch is refused for something that it holds. Its halves are written by themselves, until what is refused is alone, and fails. */
  async #writeHalves(batch: readonly Settlement[], error: unknown, lockTimeoutMs: number): Promise<void> {
    const [only] = batch;
    if (only === undefined) return;
    if (batch.length > 1) {
      const middle = batch.length >> 1;
      await this.#writeUnlocked(batch.slice(0, middle));
      await this.#writeUnlocked(batch.slice(middle));
    } else if (isRefusal(only)) {
      this.#giveUp(batch, error);
    } else {
      this.#options.logger.error({ error, subtask_id: only.id }, 'Postgres refuses what a subtask ended with');
      await this.#writeBatch([refusalOf(only, error)], lockTimeoutMs);
    }
  }

  /** Nothing of the batch was written; the rows are freed by the sweep when this node is found not to know them. */
  #giveUp(batch: readonly Settlement[], error: unknown): void {
    const { logger, onGivenUp, onWritten } = this.#options;
    logger.error({ error, subtasks: batch.map((one) => one.id) }, 'results could not be written');
    onGivenUp(batch);
    onWritten([], batch, NOTHING_STARTED);
  }
}

const REFUSED = 'STORE_DATA_REFUSED' satisfies ErrorCode;

function isRefusal(one: Settlement): boolean {
  return one.how === 'fail' && one.error.code === REFUSED;
}

/** Without Postgres' own words, which may quote what it refuses. */
function refusalOf({ id, attempt, taskId, kind }: Settlement, error: unknown): Settlement {
  const { code } = error as { readonly code: string };
  const message = `Postgres refuses what subtask ${id} is to be stored with (SQLSTATE ${code})`;
  return {
    id,
    attempt,
    taskId,
    kind,
    rows: 0,
    bytes: 0,
    how: 'fail',
    error: { code: REFUSED, message, permanent: true },
  };
}
