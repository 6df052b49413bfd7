import type { SubmitRequest } from '@longshore/client';
import { LongshoreError, PRIORITY } from '@longshore/core';
import { Option, type Command } from 'commander';
import { collected, decimal, wholeNumber } from '../commands/options.ts';
import { duration } from './duration.ts';
import { addSelectors, type LabelSelector } from './label-selector.ts';

/** Flags for what a submit says of a task and a modification changes; `false`: the `--no-` form of a modification. */
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
/** The longest timer that Node has, which is what ends an attempt. */
const MAX_TIMEOUT_MS = 2_147_483_647;

/** Adds those flags to a command. Their bounds are the protocol's, so that a wrong one is named by its flag. */
export function withSettingsFlags(command: Command): Command {
  const timeout = duration(100, MAX_TIMEOUT_MS);
  return command
    .optionsGroup('Slots and nodes:')
    .option('--priority <n>', 'lower goes first, 1 to 1024', wholeNumber(PRIORITY.min, PRIORITY.max))
    .option('--slots <n>', 'slots on each node', wholeNumber(1, 4_096))
    .option('--slots-per-subtask <n>', 'slots of one subtask', wholeNumber(1, 4_096))
    .option('--max-nodes <n>', 'the most nodes', wholeNumber(1, 100_000))
    .option('--max-runtime-slots <n>', 'use at most so many of its slots on each node', wholeNumber(1, 4_096))
    .option('--runtime-steps <steps>', 'with --max-runtime-slots: only in these steps, comma-separated', names)
    .option(
      '--selector <condition>',
      'only nodes whose labels fit: zone=a, zone!=a, "zone in (a,b)", zone; several: all of them',
      addSelectors,
    )
    .optionsGroup('Budget:')
    .option('--rows-per-second <n>', 'the most rows a second, over all nodes', wholeNumber(1, 1e12))
    .option('--bytes-per-second <n>', 'the most bytes a second, over all nodes', wholeNumber(1, 1e12))
    .option('--statements-per-second <n>', 'the most statements a second, over all nodes', wholeNumber(1, 1e12))
    .optionsGroup('Failures and time:')
    .addOption(
      new Option('--on-failure <what>', 'undo the work of a failed task, or hold it for a decision').choices([
        'revert',
        'hold',
      ]),
    )
    .option('--max-failures <n>', 'failures after which a subtask fails for good', wholeNumber(1, 1_000_000))
    .option('--retry-first-wait <duration>', 'wait after the first failure', duration(0, DAY_MS))
    .option('--retry-factor <n>', 'each further wait is so many times the one before', decimal(1, 100))
    .option('--retry-max-wait <duration>', 'the longest wait between two tries', duration(0, 7 * DAY_MS))
    .option('--retry-jitter <share>', 'share of a wait that is drawn at random, 0 to 1', decimal(0, 1))
    .option('--never-retry <code>', 'an error code that is never tried again; may be given several times', collected)
    .option('--subtask-timeout <duration>', 'how long one attempt of a subtask may run', timeout)
    .option('--stall-timeout <duration>', 'how long one may go without progress', timeout)
    .option(
      '--deadline <duration>',
      'how long the task may take from its submit, pauses not counted',
      duration(1, 365 * DAY_MS),
    )
    .optionsGroup('Options:');
}

/** What a submit and a modification say alike. */
export type TaskSettings = Omit<SubmitRequest, 'type' | 'typeVersion' | 'key' | 'meta' | 'scope' | 'gates'>;

/** What the flags say. Flags that weren't given are undefined. @throws {LongshoreError} ARGUMENT_INVALID. */
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
  throw new LongshoreError('ARGUMENT_INVALID', '--runtime-steps says where --max-runtime-slots holds: give both');
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
