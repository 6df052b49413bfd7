import { readFileSync } from 'node:fs';

/** Names the run of this machine's kernel: another one after each boot. Null where the kernel doesn't say it. */
export function readBootId(): string | null {
  try {
    return readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
  } catch {
    return null;
  }
}
