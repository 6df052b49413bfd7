import { parseArgs } from 'node:util';

export interface DemoOptions {
  readonly rows: number;
  readonly executors: number;
  /** Whether to kill an executor on the way. */
  readonly isKilling: boolean;
  /** Whether the cluster stays up at the end until Ctrl-C, to look around in it. */
  readonly isKept: boolean;
}

export const USAGE = `npm run demo -- [options]

Starts a whole cluster on this machine, imports a generated CSV file over several executors, kills one of them on the
way and proves that every row arrived exactly once. Exit code 0 only if the proof holds.

  --rows <n>       rows to import, 1 to 100,000,000 (default 1,000,000)
  --executors <n>  executors, 1 to 16 (default 3)
  --no-kill        let all executors live
  --keep           leave the cluster up at the end, until Ctrl-C
  --help           show this`;

/**
 * Reads the demo's arguments; null: help was asked for.
 *
 * @throws {RangeError} when one is unknown or out of bounds.
 */
export function parseOptions(args: readonly string[]): DemoOptions | null {
  const { values } = parse(args);
  if (values.help) return null;
  const executors = wholeNumber('executors', values.executors, 1, 16);
  if (executors === 1 && !values['no-kill']) {
    throw new RangeError('--executors 1 leaves nobody to take over from the killed one; add --no-kill');
  }
  return {
    rows: wholeNumber('rows', values.rows, 1, 100_000_000),
    executors,
    isKilling: !values['no-kill'],
    isKept: values.keep,
  };
}

function parse(args: readonly string[]): ReturnType<typeof parseArgs<typeof CONFIG>> {
  try {
    return parseArgs({ ...CONFIG, args: [...args] });
  } catch (cause) {
    throw new RangeError((cause as Error).message, { cause });
  }
}

const CONFIG = {
  options: {
    rows: { type: 'string', default: '1000000' },
    executors: { type: 'string', default: '3' },
    'no-kill': { type: 'boolean', default: false },
    keep: { type: 'boolean', default: false },
    help: { type: 'boolean', default: false },
  },
} as const;

function wholeNumber(name: string, text: string, least: number, most: number): number {
  const value = Number(text.replaceAll(/[,_]/g, ''));
  if (Number.isInteger(value) && value >= least && value <= most) return value;
  throw new RangeError(`--${name} ${text}: it must be a whole number from ${least} to ${most}`);
}
