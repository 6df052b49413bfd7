import { TaskTypeError, type Progress } from '@longshore/sdk';

/** Counts what one hook has done, in memory. */
export class ProgressMeter implements Progress {
  rows = 0;
  bytes = 0;
  /** What the hook does now, in its own words. */
  currentPhase: string | null = null;
  #reportedRows = 0;
  #reportedBytes = 0;
  #reportedPhase: string | null = null;

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
