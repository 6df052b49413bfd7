import type { Progress } from '@longshore/sdk';

/** Counts what one hook has done, in memory. */
export class ProgressMeter implements Progress {
  rows = 0;
  bytes = 0;
  #reportedRows = 0;
  #reportedBytes = 0;

  add(done: { readonly rows?: number; readonly bytes?: number }): void {
    this.rows += done.rows ?? 0;
    this.bytes += done.bytes ?? 0;
  }

  /** Whether there is something that was not reported yet; asking counts as reporting. */
  takeChange(): boolean {
    const changed = this.rows !== this.#reportedRows || this.bytes !== this.#reportedBytes;
    this.#reportedRows = this.rows;
    this.#reportedBytes = this.bytes;
    return changed;
  }
}
