import { execFileSync } from 'node:child_process';

/** Whether a process runs; one that has ended and waits for its parent to collect it does not. */
export function isAlive(pid: number): boolean {
  try {
    return !execFileSync('ps', ['-o', 'stat=', '-p', String(pid)], { encoding: 'utf8' }).startsWith('Z');
  } catch {
    return false;
  }
}
