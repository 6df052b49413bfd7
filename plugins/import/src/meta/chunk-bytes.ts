const MIB = 1024 * 1024;

/** Into how many chunks an input is divided where the bounds allow it: some for every slot of several nodes. */
const CHUNKS = 16;
/** A chunk costs a connection and a commit, about 20 ms on both sides: a tenth of loading 8 MiB, a third of 2 MiB. */
const MIN_BYTES = 8 * MIB;
/** Beyond it little gets faster (16 MiB take 5 % more time than 32, 64 the same), and a crash loses more. */
const MAX_BYTES = 32 * MIB;

/**
 * How large a chunk should be where the meta doesn't say.
 *
 * @param totalBytes - of all files.
 */
export function defaultChunkBytes(totalBytes: number): number {
  const bytes = Math.ceil(totalBytes / CHUNKS / MIB) * MIB;
  return Math.min(MAX_BYTES, Math.max(MIN_BYTES, bytes));
}
