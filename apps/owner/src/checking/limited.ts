import { createContext, Script } from 'node:vm';
import { LongshoreError } from '@longshore/core';

/** A call that is ended from outside when its time is over. */
const sandbox = createContext({ call: () => undefined as unknown }) as { call: () => unknown };
const script = new Script('call()');

/** Thrown when the time was over. */
const TIMEOUT = 'ERR_SCRIPT_EXECUTION_TIMEOUT';

/**
 * The clock that can end a call is that of the wall, which also runs while a busy machine gives this thread no time. A call that was ended and
 * had less than {@link OWN_SHARE} of its time for itself is made once more, with so many times the time.
 */
const SECOND_TRY_FACTOR = 3;
const OWN_SHARE = 0.5;

/**
 * Runs something that may not come to its end, in this thread, for a limited time. It costs about 0.1 ms.
 *
 * @param limitMs of a processor's time, as far as that can be told. Together the tries take four times as long at most.
 * @param work may be ended at any point, and may be called a second time: what it had open or half changed stays so.
 * @returns null when the time was over.
 * @throws what `work` throws.
 * @throws {LongshoreError} OVERLOADED, transient, when the machine is too busy to tell.
 */
export function limited<T>(limitMs: number, work: () => T): { readonly value: T } | null {
  for (const wallMs of [limitMs, SECOND_TRY_FACTOR * limitMs]) {
    const before = threadTimeMs();
    const outcome = endedAfter(wallMs, work);
    if (outcome !== null) return outcome;
    if (threadTimeMs() - before >= OWN_SHARE * limitMs) return null;
  }
  throw new LongshoreError('OVERLOADED', 'the machine of this owner is too busy to check it; send it again');
}

function endedAfter<T>(wallMs: number, work: () => T): { readonly value: T } | null {
  sandbox.call = work;
  try {
    return { value: script.runInContext(sandbox, { timeout: wallMs }) as T };
  } catch (thrown) {
    if ((thrown as { readonly code?: unknown } | null)?.code === TIMEOUT) return null;
    throw thrown;
  } finally {
    sandbox.call = () => undefined;
  }
}

function threadTimeMs(): number {
  // Before Node 23.9 there is only that of the whole process, whose other threads have little to do.
  const { user, system } = Reflect.has(process, 'threadCpuUsage') ? process.threadCpuUsage() : process.cpuUsage();
  return (user + system) / 1_000;
}
