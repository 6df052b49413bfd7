import { createContext, Script } from 'node:vm';

/** A call that is ended from outside when its time is over. */
const sandbox = createContext({ call: () => undefined as unknown }) as { call: () => unknown };
const script = new Script('call()');

/** Thrown when the time was over. */
const TIMEOUT = 'ERR_SCRIPT_EXECUTION_TIMEOUT';

/**
 * Runs something that may not come to its end, in this thread, for a limited time. It costs about 0.1 ms.
 *
 * @param work may be ended at any point: what it had open or half changed stays so.
 * @returns null when the time was over.
 * @throws what `work` throws.
 */
export function limited<T>(limitMs: number, work: () => T): { readonly value: T } | null {
  sandbox.call = work;
  try {
    return { value: script.runInContext(sandbox, { timeout: limitMs }) as T };
  } catch (thrown) {
    if ((thrown as { readonly code?: unknown } | null)?.code === TIMEOUT) return null;
    throw thrown;
  } finally {
    sandbox.call = () => undefined;
  }
}
