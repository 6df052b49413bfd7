import { readFile } from 'node:fs/promises';

/** What Node itself needs before anything was loaded, in bytes: not the task type's, so it doesn't count. */
const NODE_ITSELF_BYTES = 32 * 1024 * 1024;

/**
 * Memory of a process in bytes, also what native code has taken: what the kernel can give to nobody else meanwhile (`RssAnon`). Null where the
 * kernel doesn't tell (other systems than Linux), or when it has ended: then its heap's limit alone holds it.
 */
export async function readProcessMemory(pid: number): Promise<number | null> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
  const kib = /^RssAnon:\s+(\d+) kB$/m.exec(status)?.[1];
  return kib === undefined ? null : Math.max(0, Number(kib) * 1024 - NODE_ITSELF_BYTES);
}
