import { LongshoreError } from '@longshore/core';

/** A type is registered, but in no version that could run a task of this one. */
export function incompatibleType(type: string, version: string, registered: readonly string[]): LongshoreError {
  return new LongshoreError(
    'TYPE_INCOMPATIBLE',
    `no registered version of ${type} can run a task of ${version}; registered: ${registered.join(', ')}`,
  );
}
