import { readFileSync } from 'node:fs';

/** The most memory that each of these processes has had so far, added up, in MB. Linux only. */
export function peakRssMb(pids: readonly number[]): number {
  const kilobytes = pids.map((pid) => {
    const peak = /VmHWM:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
    return peak === undefined ? Number.NaN : Number(peak);
  });
  return Math.round((kilobytes.reduce((sum, one) => sum + one, 0) * 1_024) / 1_000_000);
}
