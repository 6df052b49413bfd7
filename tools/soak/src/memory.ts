import { readFileSync } from 'node:fs';

/** Resident memory of processes over time, by their names. Linux only. */
export class MemoryGauge {
  readonly #processes: () => Iterable<readonly [name: string, process: { readonly pid: number }]>;
  /** One sum of each look, in MB. */
  readonly #sums: number[] = [];
  readonly #samples = new Map<string, number[]>();

  /** @param processes as they are at each sample. */
  constructor(processes: () => Iterable<readonly [name: string, process: { readonly pid: number }]>) {
    this.#processes = processes;
  }

  sample(): void {
    let sum = 0;
    for (const [name, { pid }] of this.#processes()) {
      const megabytes = residentMb(pid);
      sum += megabytes;
      const samples = this.#samples.get(name) ?? [];
      samples.push(megabytes);
      this.#samples.set(name, samples);
    }
    this.#sums.push(sum);
  }

  /** The median of the last quarter less that of the second one, in MB: the first one is start and warming up. */
  get growthMb(): number {
    return growthOf(this.#sums);
  }

  /** A line for each process: its median in each quarter, in MB. */
  get lines(): readonly string[] {
    return [...this.#samples].map(([name, samples]) => `memory of ${name}: ${quartersOf(samples).join(', ')} MB`);
  }
}

function growthOf(samples: readonly number[]): number {
  const [, second = 0, , last = 0] = quartersOf(samples);
  return last - second;
}

/** The median of each quarter. */
function quartersOf(samples: readonly number[]): readonly number[] {
  const quarter = Math.floor(samples.length / 4);
  return [0, 1, 2, 3].map((index) => Math.round(middle(samples.slice(index * quarter, (index + 1) * quarter))));
}

function residentMb(pid: number): number {
  const kilobytes = /VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  return (Number(kilobytes ?? 0) * 1_024) / 1_000_000;
}

function middle(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length / 2)] ?? 0;
}
