import { readFileSync } from 'node:fs';

/** Resident memory of processes over time. Linux only. */
export class MemoryGauge {
  readonly #pids: () => readonly number[];
  readonly #samples: number[] = [];

  /** @param pids processes that are added up, as they are at each sample. */
  constructor(pids: () => readonly number[]) {
    this.#pids = pids;
  }

  sample(): void {
    this.#samples.push(this.#pids().reduce((sum, pid) => sum + residentMb(pid), 0));
  }

  /** The median of the last quarter less that of the second one, in MB: the first one is start and warming up. */
  get growthMb(): number {
    const quarter = Math.floor(this.#samples.length / 4);
    if (quarter === 0) return 0;
    return Math.round(middle(this.#samples.slice(-quarter)) - middle(this.#samples.slice(quarter, 2 * quarter)));
  }
}

function residentMb(pid: number): number {
  const kilobytes = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  return (Number(kilobytes ?? 0) * 1_024) / 1_000_000;
}

function middle(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
}
