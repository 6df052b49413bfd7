import type { TaskChanges } from '@longshore/client';
import { LongshoreError } from '@longshore/core';
import type { Command } from 'commander';
import { readSettings, type SettingsFlags } from './task-settings.ts';

/** Flags of a modification: those of a submit, and those that remove a limit. */
export interface ChangesFlags extends SettingsFlags {
  /** False: remove the budget. */
  readonly throttle?: boolean;
}

/** Adds the flags that remove a limit. If one command sets and removes a limit, the last flag counts. */
export function withRemovalFlags(command: Command): Command {
  return command
    .optionsGroup('Limits removed:')
    .option('--no-max-nodes', 'use all nodes')
    .option('--no-max-runtime-slots', 'use all of its slots')
    .option('--no-selector', 'use nodes with any labels')
    .option('--no-throttle', 'no budget')
    .option('--no-subtask-timeout', 'an attempt may run for ever')
    .option('--no-stall-timeout', 'an attempt may show no progress for ever')
    .option('--no-deadline', 'the task may take for ever')
    .optionsGroup('Options:');
}

/**
 * What the flags change.
 *
 * @param meta keys of the meta with their new values; empty: the meta stays.
 * @throws {LongshoreError} ARGUMENT_INVALID when they change nothing, or contradict each other.
 */
export function readChanges(flags: ChangesFlags, meta: Readonly<Record<string, unknown>>): TaskChanges {
  const settings = readSettings(flags);
  if (flags.throttle === false && settings.throttle !== undefined) {
    throw new LongshoreError('ARGUMENT_INVALID', '--no-throttle removes the budget; give no new budget with it');
  }
  const changes = {
    ...settings,
    maxNodes: orNull(flags.maxNodes, settings.maxNodes),
    runtimeSlots: orNull(flags.maxRuntimeSlots, settings.runtimeSlots),
    selectors: orNull(flags.selector, settings.selectors),
    throttle: orNull(flags.throttle, settings.throttle),
    subtaskTimeoutMs: orNull(flags.subtaskTimeout, settings.subtaskTimeoutMs),
    stallTimeoutMs: orNull(flags.stallTimeout, settings.stallTimeoutMs),
    deadlineMs: orNull(flags.deadline, settings.deadlineMs),
    ...(Object.keys(meta).length === 0 ? {} : { meta }),
  };
  if (Object.values(changes).some((change) => change !== undefined)) return changes;
  throw new LongshoreError(
    'ARGUMENT_INVALID',
    'name at least one thing to change, such as --slots 4 or --set key=value',
  );
}

/** Null, which removes the limit, after its `--no-` form. */
function orNull<T>(flag: unknown, value: T | undefined): T | null | undefined {
  return flag === false ? null : value;
}
