import { LongshoreError } from '@longshore/core';
import { CONTRACT_VERSION, OPTIONAL_HOOKS, type TaskType } from '@longshore/sdk';

/** What a host can run. */
export interface HostContract {
  /** The lowest version of the SDK contract. */
  readonly lowest: number;
  /** The highest one: that of its own SDK. */
  readonly highest: number;
  /** Optional hooks that it serves. */
  readonly hooks: readonly string[];
}

/** What this build can run. Raise `lowest` only one release after a newer contract came out: plugins warn for that long. */
export const HOST_CONTRACT: HostContract = { lowest: 1, highest: CONTRACT_VERSION, hooks: OPTIONAL_HOOKS };

/**
 * Whether a host can run a task type: the contract that it was built for is within the host's range, and the host serves each optional
 * hook that it uses. A hook that comes later refuses only the types that use it.
 *
 * @returns a warning for a type that a later host will refuse; null: there is none.
 * @throws {LongshoreError} PLUGIN_CONTRACT, naming the version or the hooks.
 */
export function checkContract(
  type: Pick<TaskType, 'contract' | 'hooks'>,
  packageName: string,
  host: HostContract = HOST_CONTRACT,
): string | null {
  const { lowest, highest } = host;
  const range = lowest === highest ? `${highest}` : `${lowest} to ${highest}`;
  const speaks = `${packageName} speaks version ${type.contract} of the SDK contract, this executor speaks ${range}`;
  if (type.contract > highest)
    throw refused(`${speaks}; update the executor, or install an older version of the package`);
  if (type.contract < lowest) throw refused(`${speaks}; install a newer version of the package`);
  const unknown = type.hooks.filter((hook) => !host.hooks.includes(hook));
  if (unknown.length > 0) {
    const what = `${unknown.length === 1 ? 'the hook' : 'the hooks'} ${unknown.join(', ')}`;
    throw refused(`${packageName} uses ${what}, unknown to this executor; update the executor`);
  }
  if (type.contract === highest) return null;
  return `${speaks}; a later executor will refuse it, so install a newer version of the package soon`;
}

function refused(message: string): LongshoreError {
  return new LongshoreError('PLUGIN_CONTRACT', message);
}
