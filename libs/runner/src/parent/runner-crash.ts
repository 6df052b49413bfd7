import { LongshoreError, toErrorData, type ErrorData } from '@longshore/core';
import type { RunEnd, Settled } from '../channel/messages.ts';

/** A type that was not loaded in time. */
export function loadTimeout(packageName: string, loadTimeoutMs: number): LongshoreError {
  return new LongshoreError(
    'RUNNER_CRASHED',
    `${packageName} was not loaded within ${loadTimeoutMs} ms; a module must not block or wait for something while it is imported`,
  );
}

/** How a runner ended. */
export function crashed(why: string): ErrorData {
  return { code: 'RUNNER_CRASHED', permanent: false, message: `the runner ended: ${why}` };
}

/** What was thrown in a runner where nobody waits, and ended it. */
export function crashError(cause: unknown): ErrorData {
  const isOutOfMemory = (cause as { readonly code?: unknown } | null | undefined)?.code === 'ERR_WORKER_OUT_OF_MEMORY';
  return crashed(isOutOfMemory ? 'its heap outgrew the memory that its slots buy' : describe(cause));
}

/** Plugin code may throw anything, also where nobody waits. */
export function describe(thrown: unknown): string {
  return toErrorData(thrown).message;
}

/** The end of a run whose runner has ended. @param how whether it could not be to blame, and whether its runner ended by itself. */
export function crashEnd(
  runId: string,
  error: ErrorData,
  { isBlameless = false, isCrash = false }: { readonly isBlameless?: boolean; readonly isCrash?: boolean } = {},
): RunEnd {
  const settled: Settled = {
    ok: false,
    error,
    stopped: null,
    rows: 0,
    bytes: 0,
    ...(isBlameless ? { isBlameless } : {}),
    ...(isCrash ? { isCrash } : {}),
  };
  return { runId, settled, time: null };
}

export function toMiB(bytes: number): number {
  return Math.round(bytes / (1024 * 1024));
}
