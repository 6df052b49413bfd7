import { Command } from 'commander';
import { describe, expect, test } from 'vitest';
import { duration } from '../src/settings/duration.ts';
import { addSelectors } from '../src/settings/label-selector.ts';
import { readChanges, withRemovalFlags, type ChangesFlags } from '../src/settings/task-changes.ts';
import { readSettings, withSettingsFlags, type SettingsFlags } from '../src/settings/task-settings.ts';

describe('a duration', () => {
  const read = duration(100, 7 * 86_400_000);
  test.each([
    ['500ms', 500],
    ['90s', 90_000],
    ['15m', 900_000],
    ['1h30m', 5_400_000],
    ['1h 30m', 5_400_000],
    [' 2d ', 172_800_000],
    ['1.5h', 5_400_000],
  ])('%s', (text, ms) => {
    expect(read(text)).toBe(ms);
  });

  test.each(['', '90', '1 parsec', '-3s', '1h soon', '1,5h', '1e3s', '1m30', '2 weeks', '1M'])('is not %j', (text) => {
    expect(() => read(text)).toThrow('give a number and a unit, such as 500ms');
  });

  test.each(['99ms', '8d'])('of %s is out of bounds', (text) => {
    expect(() => read(text)).toThrow('it must be from 100ms to 7d.');
  });
});

describe('a selector', () => {
  test.each([
    ['zone=a', [{ label: 'zone', op: '=', value: 'a' }]],
    ['zone == a', [{ label: 'zone', op: '=', value: 'a' }]],
    ['example.com/zone!=a', [{ label: 'example.com/zone', op: '!=', value: 'a' }]],
    ['zone=', [{ label: 'zone', op: '=', value: '' }]],
    ['zone in (a, b)', [{ label: 'zone', op: 'in', values: ['a', 'b'] }]],
    ['zone in(a)', [{ label: 'zone', op: 'in', values: ['a'] }]],
    ['gpu', [{ label: 'gpu', op: 'exists' }]],
    [
      'zone in (a,b), gpu, disk!=hdd',
      [
        { label: 'zone', op: 'in', values: ['a', 'b'] },
        { label: 'gpu', op: 'exists' },
        { label: 'disk', op: '!=', value: 'hdd' },
      ],
    ],
  ])('%s', (text, selectors) => {
    expect(addSelectors(text)).toEqual(selectors);
  });

  test('is added to those before', () => {
    expect(addSelectors('b', addSelectors('a'))).toEqual([
      { label: 'a', op: 'exists' },
      { label: 'b', op: 'exists' },
    ]);
    expect(addSelectors('a', false)).toEqual([{ label: 'a', op: 'exists' }]);
  });

  test.each([
    '',
    'zone in ()',
    'zone in (a,)',
    'zone in a',
    'zone notin (a)',
    '!gpu',
    'zone=a=b',
    'zone=(a)',
    'zone,,a',
    '=a',
  ])('is not %j', (text) => {
    expect(() => addSelectors(text)).toThrow('has none of the forms zone=a, zone!=a, "zone in (a,b)" and zone.');
  });
});

/** What commander makes of a command line. */
function settings(...args: string[]): SettingsFlags {
  return withSettingsFlags(command()).parse(args, { from: 'user' }).opts<SettingsFlags>();
}

function changes(...args: string[]): ChangesFlags {
  return withRemovalFlags(withSettingsFlags(command())).parse(args, { from: 'user' }).opts<ChangesFlags>();
}

function command(): Command {
  return new Command().exitOverride().configureOutput({ outputError: () => undefined });
}

describe('the settings of a submit', () => {
  test('are nothing without flags', () => {
    expect(readSettings(settings())).toEqual({});
  });

  test('are read from their flags', () => {
    const flags = settings(
      ...['--priority', '10', '--slots', '8', '--slots-per-subtask', '2', '--max-nodes', '3', '--on-failure', 'hold'],
      ...['--max-runtime-slots', '4', '--runtime-steps', 'load, merge'],
      ...['--selector', 'zone in (a,b)', '--selector', 'gpu'],
      ...['--rows-per-second', '500', '--statements-per-second', '5'],
      ...['--max-failures', '9', '--retry-first-wait', '2s', '--retry-factor', '1.5', '--retry-max-wait', '5m'],
      ...['--retry-jitter', '0.5', '--never-retry', 'A_CODE', '--never-retry', 'B_CODE'],
      ...['--subtask-timeout', '30m', '--stall-timeout', '90s', '--deadline', '6h'],
    );
    expect(readSettings(flags)).toEqual({
      priority: 10,
      slots: 8,
      slotsPerSubtask: 2,
      maxNodes: 3,
      onFailure: 'hold',
      runtimeSlots: { max: 4, steps: ['load', 'merge'] },
      selectors: [
        { label: 'zone', op: 'in', values: ['a', 'b'] },
        { label: 'gpu', op: 'exists' },
      ],
      throttle: { rows: 500, statements: 5 },
      retry: {
        maxFailures: 9,
        initialMs: 2_000,
        factor: 1.5,
        maxMs: 300_000,
        jitter: 0.5,
        nonRetryableCodes: ['A_CODE', 'B_CODE'],
      },
      subtaskTimeoutMs: 1_800_000,
      stallTimeoutMs: 90_000,
      deadlineMs: 21_600_000,
    });
  });

  test('name steps only with a cap for them', () => {
    expect(() => readSettings(settings('--runtime-steps', 'load'))).toThrow('--max-runtime-slots');
  });
});

describe('the changes of a modification', () => {
  test('are what the flags say, and the keys of the meta', () => {
    expect(readChanges(changes('--slots', '4'), {})).toEqual({ slots: 4 });
    expect(readChanges(changes(), { batchRows: 500 })).toEqual({ meta: { batchRows: 500 } });
  });

  test('take limits away', () => {
    const flags = changes(
      ...['--no-max-nodes', '--no-max-runtime-slots', '--no-selector', '--no-throttle'],
      ...['--no-subtask-timeout', '--no-stall-timeout', '--no-deadline'],
    );
    expect(readChanges(flags, {})).toEqual({
      maxNodes: null,
      runtimeSlots: null,
      selectors: null,
      throttle: null,
      subtaskTimeoutMs: null,
      stallTimeoutMs: null,
      deadlineMs: null,
    });
  });

  test('of one limit are what was said last', () => {
    expect(readChanges(changes('--no-selector', '--selector', 'gpu'), {})).toEqual({
      selectors: [{ label: 'gpu', op: 'exists' }],
    });
    expect(readChanges(changes('--deadline', '1h', '--no-deadline'), {})).toEqual({ deadlineMs: null });
  });

  test('are not nothing, and no contradiction', () => {
    expect(() => readChanges(changes(), {})).toThrow('name at least one thing to change');
    expect(() => readChanges(changes('--no-throttle', '--rows-per-second', '5'), {})).toThrow('--no-throttle');
  });
});
