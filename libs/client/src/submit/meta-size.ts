import { LongshoreError, MAX_META_BYTES } from '@longshore/core';
import type { SubmitRequest } from '@longshore/protocol';

/**
 * Refuses a meta that no owner takes: beyond this size the message might not even reach one that could refuse it.
 *
 * @throws {LongshoreError} META_TOO_LARGE
 */
export function refuseLargeMeta(request: SubmitRequest): void {
  const bytes = Buffer.byteLength(JSON.stringify(request.meta));
  if (bytes <= MAX_META_BYTES) return;
  throw new LongshoreError(
    'META_TOO_LARGE',
    `the meta has ${bytes} bytes of JSON; the limit is ${MAX_META_BYTES}; put the data elsewhere and name it`,
    { details: { bytes, maxBytes: MAX_META_BYTES } },
  );
}
