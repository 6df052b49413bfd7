import type { Progress } from '@longshore/sdk';

/** Counts what one hook has done, in memory. */
export class ProgressMeter implements Progress {
  rows = 0;
  bytes = 0;
  /** What the hook does now, in its own words. */
  currentPhase: string | null = null;
  #reportedRows = 0;
  #reportedBytes = 0;
  #reportedPhase: string | null = null;

  add(done: { readonly rows?: number; readonly bytes?: number }): void {
    this.rows += done.rows ?? 0;
    this.bytes += done.bytes ?? 0;
  }

  phase(name: string | null): void {
    this.currentPhase = name;
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
