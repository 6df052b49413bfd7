import type { Extension } from './extension.ts';
import type { SchedulerExtension } from './scheduler-extension.ts';

/**
 * The version of the contract between host and task type that this SDK describes. A host runs a range of versions. It rises only when a
 * package that was built for the version before would break; a new optional hook doesn't raise it.
 */
export const CONTRACT_VERSION = 1;

/** Names of what a type may leave out. */
type Optional<T> = { [K in keyof T]-?: undefined extends T[K] ? K : never }[keyof T];

// Records, so that a hook that is missing here doesn't compile: a host that doesn't know it would ignore it in silence.
// `runner` is none, but a host that doesn't know it would run native code where it can't be.
const typeHooks: Record<'connections' | 'settings' | 'runner', true> = {
  connections: true,
  settings: true,
  runner: true,
};
const schedulerHooks: Record<Optional<SchedulerExtension>, true> = {
  prepare: true,
  nextStep: true,
  eligibleNodes: true,
  onDone: true,
  onTick: true,
  tickIntervalMs: true,
  revert: true,
  modifyMeta: true,
  cleanUp: true,
  isRetryableError: true,
};
const executorHooks: Record<Optional<Extension>, true> = { isIdempotent: true, isRetryableError: true };

/** All optional hooks of this SDK, as a task type names those that it uses: `settings`, `scheduler.prepare`, `executor.isIdempotent`. */
export const OPTIONAL_HOOKS: readonly string[] = [
  ...Object.keys(typeHooks),
  ...Object.keys(schedulerHooks).map((hook) => `scheduler.${hook}`),
  ...Object.keys(executorHooks).map((hook) => `executor.${hook}`),
];

/** The optional hooks that a definition gives. What this SDK doesn't know is none: its author could not mean it as a hook. */
export function usedHooks(definition: { readonly scheduler: object; readonly executor: object }): readonly string[] {
  return OPTIONAL_HOOKS.filter((name) => {
    const [first = '', second] = name.split('.');
    const part: unknown = read(definition, first);
    return (second === undefined ? part : read(part, second)) !== undefined;
  });
}

/** Through the prototype too: an extension may be an object of a class. */
function read(from: unknown, key: string): unknown {
  return (from as Readonly<Record<string, unknown>>)[key];
}
