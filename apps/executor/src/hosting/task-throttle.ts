import { decideGates, TokenQueue, type ThrottleLimits, type Tokens } from '@longshore/core';
import { FailureLog } from '@longshore/service';
import { isRowLocked, leaseThrottle, readGates, type Store } from '@longshore/store';
import type { Logger } from '@longshore/telemetry';

/** What a subtask is told to wait for. */
export interface ThrottleReason {
  readonly code: string;
  readonly message: string;
}

export interface TaskThrottleOptions {
  readonly store: Store;
  readonly logger: Logger;
  readonly taskId: string;
  readonly nodeId: string;
  /** As they were when the task was read; each lease brings the newest. */
  readonly limits: ThrottleLimits;
  readonly hasGates: boolean;
  /** Told why a subtask waits, and null when it goes on. */
  readonly onWaiting: (subtaskId: string, reason: ThrottleReason | null) => void;
}

interface Request {
  readonly owner: string;
  readonly cost: Tokens;
  readonly isBatch: boolean;
  readonly resolve: () => void;
}

const STORE_AWAY: ThrottleReason = {
  code: 'STORE_UNAVAILABLE',
  message: "its budget and gates can't be read while Postgres is away",
};
const ROW_LOCKED: ThrottleReason = {
  code: 'ROW_LOCKED',
  message: 'another session has locked the row of its budget in the store',
};

/** The least time between two leases and two looks at gates while something waits, in milliseconds. */
const LOOK_MS = 250;
/** Gates that were read this long ago are read again before a batch, in milliseconds: they are looked at once a second. */
const GATES_MS = 1_000;

/**
 * One task's budget and gates on this node: leases tokens for what its subtasks ask, and serves them in fair order. Asks the store only
 * while something waits. While the store doesn't answer, everything waits.
 */
export class TaskThrottle {
  readonly #options: TaskThrottleOptions;
  readonly #reading: FailureLog;
  readonly #queue = new TokenQueue<Request>();
  #limits: ThrottleLimits;
  #hold: ThrottleReason | null;
  #gatesReadAt = Number.NEGATIVE_INFINITY;
  #isWorking = false;
  #timer: NodeJS.Timeout | undefined;
  #isClosed = false;

  constructor(options: TaskThrottleOptions) {
    this.#options = options;
    this.#reading = new FailureLog(options.logger, "reading a task's budget and gates");
    this.#limits = options.limits;
    this.#hold = options.hasGates ? decideGates([], null) : null;
  }

  /** Resolves when the subtask may go on. */
  ask(subtaskId: string, cost: Tokens, isBatch: boolean): Promise<void> {
    return new Promise((resolve) => {
      this.#queue.add({ owner: subtaskId, cost, isBatch, resolve });
      this.#work();
    });
  }

  /** The subtask has ended or is being stopped: what it asked for is nobody's. */
  leave(subtaskId: string): void {
    this.#queue.leave(subtaskId);
  }

  /** The task's budget was changed: what waits is looked at again. */
  update(limits: ThrottleLimits): void {
    this.#limits = limits;
    this.#work();
  }

  close(): void {
    this.#isClosed = true;
    clearTimeout(this.#timer);
  }

  #work(): void {
    if (this.#isWorking || this.#isClosed) return;
    this.#isWorking = true;
    clearTimeout(this.#timer);
    void this.#round().finally(() => {
      this.#isWorking = false;
      this.#queue.expire();
      if (this.#queue.waiting.length > 0 && !this.#isClosed) this.#timer = setTimeout(() => this.#work(), LOOK_MS);
    });
  }

  async #round(): Promise<void> {
    try {
      await this.#lookAtGates();
      this.#serve();
      const missing = this.#queue.missing(this.#limits, this.#mayServe);
      if (Object.keys(missing).length > 0) await this.#lease(missing);
      this.#serve();
      this.#explain();
      this.#reading.worked();
    } catch (error) {
      const { taskId, onWaiting } = this.#options;
      this.#reading.failed(error, { task_id: taskId });
      const reason = isRowLocked(error) ? ROW_LOCKED : STORE_AWAY;
      for (const { owner } of this.#queue.waiting) onWaiting(owner, reason);
    }
  }

  async #lookAtGates(): Promise<void> {
    const { hasGates, store, taskId } = this.#options;
    if (!hasGates || !this.#queue.waiting.some((one) => one.isBatch)) return;
    if (performance.now() - this.#gatesReadAt < GATES_MS && this.#hold === null) return;
    const gates = await readGates(store.db, taskId);
    this.#gatesReadAt = performance.now();
    this.#hold = decideGates(gates?.readings ?? [], gates?.ageMs ?? null);
  }

  async #lease(wanted: Tokens): Promise<void> {
    const { store, nodeId, taskId } = this.#options;
    const lease = await leaseThrottle(store.db, nodeId, taskId, wanted);
    // The task has left: its subtasks are being stopped.
    if (lease === null) return;
    this.#limits = lease.limits;
    this.#queue.credit(lease.granted);
  }

  readonly #mayServe = (request: Request): boolean => !request.isBatch || this.#hold === null;

  #serve(): void {
    for (const request of this.#queue.serve(this.#limits, this.#mayServe)) {
      this.#options.onWaiting(request.owner, null);
      request.resolve();
    }
  }

  #explain(): void {
    const budget = Object.entries(this.#limits).map(([unit, limit]) => `${limit} ${unit}/s`);
    const throttled = { code: 'THROTTLED', message: `the task's budget is ${budget.join(', ')}` };
    for (const request of this.#queue.waiting) {
      this.#options.onWaiting(request.owner, this.#mayServe(request) ? throttled : this.#hold);
    }
  }
}
