import type { StoredType } from '@longshore/store';

const toy = (type: string, steps: readonly string[], hooks: readonly string[]): StoredType => ({
  type,
  version: '1.0.0',
  description: 'a toy',
  contract: 1,
  steps,
  hooks,
  schema: { type: 'object' },
  defaults: {},
});

/** One with every hook, one with none, and one that asks its plugin which step comes next. */
export const TOY_TYPES: readonly StoredType[] = [
  toy('full', ['load', 'index'], ['prepare', 'onDone', 'revert', 'modifyMeta', 'cleanUp']),
  toy('bare', ['load'], []),
  toy('chain', ['s1', 's2', 's3'], ['nextStep', 'revert']),
];

/** A type that nobody ever registered. */
export const GHOST = 'ghost';

/** The step after the current one; null: there is none. */
export function stepAfter(type: string, current: string | null): string | null {
  const steps = TOY_TYPES.find((one) => one.type === type)?.steps ?? [];
  return current === null ? (steps[0] ?? null) : (steps[steps.indexOf(current) + 1] ?? null);
}

/** The error code that pauses a toy task instead of failing it. */
export const DISK_FULL = 'DISK_FULL';
