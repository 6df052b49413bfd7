import type { TaskChanges } from '@longshore/client';
import { LongshoreError } from '@longshore/core';
import type { Command } from 'commander';
import { readSettings, type SettingsFlags } from './task-settings.ts';

/** Flags of a modification: those of a submit, and those that take a limit away. */
export interface ChangesFlags extends SettingsFlags {
  /** False: no budget any more. */
  readonly throttle?: boolean;
}

/** Adds the flags that take a limit away. A limit that is set and taken away at once is what was said last. */
export function withRemovalFlags(command: Command): Command {
  return command
    .optionsGroup('Limits taken away:')
    .option('--no-max-nodes', 'on as many nodes as there are')
    .option('--no-max-runtime-slots', 'use all of its slots')
    .option('--no-selector', 'on nodes with any labels')
    .option('--no-throttle', 'no budget: as fast as it can')
    .option('--no-subtask-timeout', 'an attempt may run for ever')
    .option('--no-stall-timeout', 'an attempt may show no progress for ever')
    .option('--no-deadline', 'the task may take for ever')
    .optionsGroup('Options:');
}

/**
 * What the flags change.
 *
 * @param meta keys of the meta with their new values; empty: the meta stays.
 * @throws {LongshoreError} ARGUMENT_INVALID when they change nothing, or say two things at once.
 */
export function readChanges(flags: ChangesFlags, meta: Readonly<Record<string, unknown>>): TaskChanges {
  const settings = readSettings(flags);
  if (flags.throttle === false && settings.throttle !== undefined) {
    throw new LongshoreError('ARGUMENT_INVALID', '--no-throttle takes the budget away: give no new one with it');
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

/** Null, which takes the limit away, after its `--no-` form. */
function orNull<T>(flag: unknown, value: T | undefined): T | null | undefined {
  return flag === false ? null : value;
}
