import type { SubmitRequest } from '@longshore/client';
import { LongshoreError, PRIORITY } from '@longshore/core';
import { Option, type Command } from 'commander';
import { collected, decimal, wholeNumber } from '../commands/options.ts';
import { duration } from './duration.ts';
import { addSelectors, type LabelSelector } from './label-selector.ts';

/** Flags of the settings that a submit gives and a modification changes. `false`: the `--no-` form of a modification. */
export interface SettingsFlags {
  readonly priority?: number;
  readonly slots?: number;
  readonly slotsPerSubtask?: number;
  readonly maxNodes?: number | false;
  readonly maxRuntimeSlots?: number | false;
  readonly runtimeSteps?: readonly string[];
  readonly selector?: readonly LabelSelector[] | false;
  readonly onFailure?: 'revert' | 'hold';
  readonly rowsPerSecond?: number;
  readonly bytesPerSecond?: number;
  readonly statementsPerSecond?: number;
  readonly maxFailures?: number;
  readonly retryFirstWait?: number;
  readonly retryFactor?: number;
  readonly retryMaxWait?: number;
  readonly retryJitter?: number;
  readonly neverRetry?: readonly string[];
  readonly subtaskTimeout?: number | false;
  readonly stallTimeout?: number | false;
  readonly deadline?: number | false;
}

const DAY_MS = 86_400_000;
/** Node's longest timer. A timer ends the attempt. */
const MAX_TIMEOUT_MS = 2_147_483_647;

/** Adds those flags to a command. Their bounds are the protocol's, so that an error names the flag. */
export function withSettingsFlags(command: Command): Command {
  const timeout = duration(100, MAX_TIMEOUT_MS);
  return command
    .optionsGroup('Slots and nodes:')
    .option('--priority <n>', '1 to 1024; lower goes first', wholeNumber(PRIORITY.min, PRIORITY.max))
    .option('--slots <n>', 'slots on each node', wholeNumber(1, 4_096))
    .option('--slots-per-subtask <n>', 'slots of one subtask', wholeNumber(1, 4_096))
    .option('--max-nodes <n>', 'most nodes to use', wholeNumber(1, 100_000))
    .option('--max-runtime-slots <n>', 'most slots to use on each node', wholeNumber(1, 4_096))
    .option('--runtime-steps <steps>', 'with --max-runtime-slots: only in these steps, comma-separated', names)
    .option(
      '--selector <condition>',
      'only nodes whose labels fit: zone=a, zone!=a, "zone in (a,b)", zone; several: all of them',
      addSelectors,
    )
    .optionsGroup('Budget:')
    .option('--rows-per-second <n>', 'most rows per second, over all nodes', wholeNumber(1, 1e12))
    .option('--bytes-per-second <n>', 'most bytes per second, over all nodes', wholeNumber(1, 1e12))
    .option('--statements-per-second <n>', 'most statements per second, over all nodes', wholeNumber(1, 1e12))
    .optionsGroup('Failures and time:')
    .addOption(
      new Option('--on-failure <what>', 'after a failure: undo the work, or wait for a decision').choices([
        'revert',
        'hold',
      ]),
    )
    .option('--max-failures <n>', 'failures after which a subtask fails for good', wholeNumber(1, 1_000_000))
    .option('--retry-first-wait <duration>', 'wait after the first failure', duration(0, DAY_MS))
    .option('--retry-factor <n>', 'each further wait is this many times the one before', decimal(1, 100))
    .option('--retry-max-wait <duration>', 'the longest wait between two tries', duration(0, 7 * DAY_MS))
    .option('--retry-jitter <share>', 'random share of a wait, 0 to 1', decimal(0, 1))
    .option('--never-retry <code>', 'an error code that is never tried again; may be given several times', collected)
    .option('--subtask-timeout <duration>', 'how long one attempt of a subtask may run', timeout)
    .option('--stall-timeout <duration>', 'how long an attempt may show no progress', timeout)
    .option(
      '--deadline <duration>',
      'how long the task may take from its submit, without pauses',
      duration(1, 365 * DAY_MS),
    )
    .optionsGroup('Options:');
}

/** Settings that a submit and a modification share. */
export type TaskSettings = Omit<SubmitRequest, 'type' | 'typeVersion' | 'key' | 'meta' | 'scope' | 'gates'>;

/** The settings from the flags. Missing flags are undefined. @throws {LongshoreError} ARGUMENT_INVALID. */
export function readSettings(flags: SettingsFlags): TaskSettings {
  const { priority, slots, slotsPerSubtask, onFailure } = flags;
  return {
    ...{ priority, slots, slotsPerSubtask, onFailure },
    maxNodes: unlessTaken(flags.maxNodes),
    runtimeSlots: readRuntimeSlots(flags),
    selectors: unlessTaken(flags.selector)?.slice(),
    throttle: readThrottle(flags),
    retry: readRetry(flags),
    subtaskTimeoutMs: unlessTaken(flags.subtaskTimeout),
    stallTimeoutMs: unlessTaken(flags.stallTimeout),
    deadlineMs: unlessTaken(flags.deadline),
  };
}

function unlessTaken<T>(value: T | false | undefined): T | undefined {
  return value === false ? undefined : value;
}

function readRuntimeSlots({ maxRuntimeSlots: max, runtimeSteps: steps }: SettingsFlags): TaskSettings['runtimeSlots'] {
  if (max !== undefined && max !== false) return { max, steps: steps?.slice() };
  if (steps === undefined) return undefined;
  throw new LongshoreError('ARGUMENT_INVALID', '--runtime-steps needs --max-runtime-slots; give both');
}

function readThrottle(flags: SettingsFlags): TaskSettings['throttle'] {
  const throttle = { rows: flags.rowsPerSecond, bytes: flags.bytesPerSecond, statements: flags.statementsPerSecond };
  return isEmpty(throttle) ? undefined : throttle;
}

function readRetry(flags: SettingsFlags): TaskSettings['retry'] {
  const retry = {
    maxFailures: flags.maxFailures,
    initialMs: flags.retryFirstWait,
    factor: flags.retryFactor,
    maxMs: flags.retryMaxWait,
    jitter: flags.retryJitter,
    nonRetryableCodes: flags.neverRetry?.slice(),
  };
  return isEmpty(retry) ? undefined : retry;
}

function isEmpty(fields: Readonly<Record<string, unknown>>): boolean {
  return Object.values(fields).every((value) => value === undefined);
}

function names(text: string): readonly string[] {
  return text
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== '');
}
