import { fileURLToPath } from 'node:url';
import { startTestCluster, type TestCluster, type TestClusterOptions } from '@longshore/testing';

/** Path of the toy task type, as an executor's configuration names it. */
export const TOY = fileURLToPath(new URL('./toy-task-type.ts', import.meta.url));

/** A cluster whose executors have loaded the toy type. */
export function startToyCluster(options: Omit<TestClusterOptions, 'plugins'> = {}): Promise<TestCluster> {
  return startTestCluster({ plugins: [TOY], ...options });
}

/** A deadline for waits in tests: far beyond what anything takes, so that only a hang reaches it. */
export function deadline(ms = 40_000): { readonly signal: AbortSignal } {
  return { signal: AbortSignal.timeout(ms) };
}
