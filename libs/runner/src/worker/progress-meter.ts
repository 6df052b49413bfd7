import { TaskTypeError, type Progress } from '@longshore/sdk';
import type { Amounts } from '../channel/messages.ts';

const NOTHING: Amounts = { rows: 0, bytes: 0 };

/** Counts what one hook has done, in memory, from what its checkpoint had. */
export class ProgressMeter implements Progress {
  rows: number;
  bytes: number;
  /** What the hook does now, in its own words. */
  currentPhase: string | null = null;
  #kept: Amounts;
  /** Batches that are under way; null: the hook has had none. */
  #openBatches: number | null = null;
  /** Whether the open batch has been the only one since it began. */
  #isAlone = true;
  #reportedRows: number;
  #reportedBytes: number;
  #reportedPhase: string | null = null;

  /** @param kept what the attempt goes on from. Default: nothing. */
  constructor(kept: Amounts = NOTHING) {
    this.#kept = kept;
    this.rows = this.#reportedRows = kept.rows;
    this.bytes = this.#reportedBytes = kept.bytes;
  }

  /** What another attempt would begin with. */
  get kept(): Amounts {
    return this.#openBatches === 0 ? this.counted : this.#kept;
  }

  /** The same for a hook that has batches; undefined for others, whose checkpoints are stored with what they have. */
  get keptByBatches(): Amounts | undefined {
    return this.#openBatches === null ? undefined : this.kept;
  }

  get counted(): Amounts {
    return { rows: this.rows, bytes: this.bytes };
  }

  /** @throws {TaskTypeError} REPORT_INVALID, permanent, when rows or bytes, or their sums, are no whole numbers from 0 to 2^53 - 1. */
  add({ rows = 0, bytes = 0 }: { readonly rows?: number; readonly bytes?: number }): void {
    const sums = { rows: sum('rows', this.rows, rows), bytes: sum('bytes', this.bytes, bytes) };
    this.rows = sums.rows;
    this.bytes = sums.bytes;
  }

  /** @throws {TaskTypeError} REPORT_INVALID, permanent, when it is no text. */
  phase(name: string | null): void {
    const given: unknown = name;
    if (typeof given !== 'string' && given !== null) throw invalid(`a phase is a text or null, not a ${typeof given}`);
    this.currentPhase = given;
  }

  /** A checkpoint is saved: it has so much. */
  keep(counted: Amounts): void {
    this.#kept = counted;
  }

  /** A batch begins. All that was added before it belongs to what is committed. */
  beginBatch(): void {
    const open = this.#openBatches ?? 0;
    // What is added while several are under way is nobody's: it stays counted.
    this.#isAlone = open === 0;
    if (open === 0) this.#kept = this.counted;
    this.#openBatches = open + 1;
  }

  /** A batch is over: what was added meanwhile is committed with it, or was in vain and is taken back. */
  endBatch(isCommitted: boolean): void {
    this.#openBatches = Math.max(0, (this.#openBatches ?? 0) - 1);
    if (isCommitted || !this.#isAlone) return;
    this.rows = this.#kept.rows;
    this.bytes = this.#kept.bytes;
  }

  /** Whether there is something that was not reported yet; asking counts as reporting. */
  takeChange(): boolean {
    const changed =
      this.rows !== this.#reportedRows ||
      this.bytes !== this.#reportedBytes ||
      this.currentPhase !== this.#reportedPhase;
    this.#reportedRows = this.rows;
    this.#reportedBytes = this.bytes;
    this.#reportedPhase = this.currentPhase;
    return changed;
  }
}

function sum(what: string, before: number, more: number): number {
  const after = before + more;
  if (Number.isSafeInteger(more) && more >= 0 && Number.isSafeInteger(after)) return after;
  throw invalid(`${what} are counted in whole numbers from 0, up to 2^53 - 1 in all: ${String(more)} is none`);
}

function invalid(message: string): TaskTypeError {
  return new TaskTypeError('REPORT_INVALID', message, { permanent: true });
}
