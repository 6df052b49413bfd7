import type { Logger, Progress, SubtaskPostponed, Throttle, ThrottleCost, WaitingReason } from '@longshore/sdk';

/** What a task's hooks have said and asked for, for a test to look at. */
export class RunRecord {
  readonly progress = { rows: 0, bytes: 0 };
  readonly phases: (string | null)[] = [];
  readonly logged: string[] = [];
  /** What subtasks waited for, in order, and what they wait for now. */
  readonly waits: WaitingReason[] = [];
  readonly openReasons = new Set<WaitingReason>();
  /** How attempts gave their slots back to wait. */
  readonly postponed: SubtaskPostponed[] = [];
  /** What batches asked the budget for, in order. */
  readonly batches: ThrottleCost[] = [];
  /** All that was asked for and spent. */
  readonly spent = { rows: 0, bytes: 0, statements: 0 };

  readonly logger: Logger;

  constructor() {
    const log = (message: string): void => void this.logged.push(message);
    this.logger = { debug: log, info: log, warn: log, error: log };
  }

  /** The budget of a subtask that writes into this record. */
  protected readonly throttle: Throttle = {
    beforeBatch: (cost) => {
      this.batches.push(cost);
      return this.#spend(cost);
    },
    spend: (cost) => this.#spend(cost),
  };

  /**
   * The members of a hook's context that write into this record.
   *
   * @param counted the attempt's progress, from what its checkpoint had. The record adds up what all attempts add.
   */
  protected recorded(counted: { rows: number; bytes: number }): {
    readonly progress: Progress;
    readonly waiting: (reason: WaitingReason) => () => void;
  } {
    const add: Progress['add'] = ({ rows = 0, bytes = 0 }) => {
      counted.rows += rows;
      counted.bytes += bytes;
      this.progress.rows += rows;
      this.progress.bytes += bytes;
      this.onProgress();
    };
    const phase = (name: string | null): void => void this.phases.push(name);
    return {
      progress: {
        get rows() {
          return counted.rows;
        },
        get bytes() {
          return counted.bytes;
        },
        add,
        phase,
      },
      waiting: (reason) => {
        this.waits.push(reason);
        this.openReasons.add(reason);
        return () => void this.openReasons.delete(reason);
      },
    };
  }

  /** Called after each report of progress. */
  onProgress: () => void = () => undefined;

  #spend({ rows = 0, bytes = 0, statements = 0 }: ThrottleCost): Promise<void> {
    this.spent.rows += rows;
    this.spent.bytes += bytes;
    this.spent.statements += statements;
    return Promise.resolve();
  }
}
