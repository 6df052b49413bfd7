const MIB = 1024 * 1024;

/** Chunks that an input is divided into where it is neither small nor large: work for every slot of several nodes. */
const CHUNKS = 64;
const MIN_BYTES = 4 * MIB;
const MAX_BYTES = 32 * MIB;

/** How large a chunk should be where the meta doesn't say. */
export function defaultChunkBytes(totalBytes: number): number {
  const bytes = Math.ceil(totalBytes / CHUNKS / MIB) * MIB;
  return Math.min(MAX_BYTES, Math.max(MIN_BYTES, bytes));
}
