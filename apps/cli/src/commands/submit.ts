import type { SubmitRequest } from '@longshore/client';
import { LongshoreError } from '@longshore/core';
import { Option, type Command } from 'commander';
import type { CommandContext } from '../command-context.ts';
import { withClient, withClusterFlags, type CommonFlags } from '../cluster/with-client.ts';
import { readMeta } from '../meta/read-meta.ts';
import { collected, wholeNumber } from './options.ts';
import { waitForTask } from './wait-for-task.ts';

interface SubmitFlags extends CommonFlags, Omit<SubmitRequest, 'type' | 'meta' | 'throttle' | 'gates'> {
  readonly meta?: string;
  readonly set?: readonly string[];
  readonly rowsPerSecond?: number;
  readonly bytesPerSecond?: number;
  readonly statementsPerSecond?: number;
  readonly gate?: readonly string[];
  readonly wait?: boolean;
}

const EXAMPLES = `
Examples:
  $ longshore submit import --meta orders.json --wait
  $ longshore submit import --set connection=dev --set table=public.orders \\
      --set 'files=["/data/orders.csv"]' --set format=csv --set header=true
  $ longshore submit backfill --meta totals.json --rows-per-second 20000 \\
      --gate '{"kind":"replica-lag","connection":"main","maxMs":5000}'
  $ jq '.table = "public.orders_2"' orders.json | longshore submit import --meta - --key orders-2 --json

A value of --set that reads as JSON is that JSON, every other one is text; a dot goes one level deeper.
"longshore type show TYPE" tells what the meta of a type must look like. A second submit with the same --key
and the same content gives the same task, so a script may simply run again.`;

export function addSubmitCommand(program: Command, context: CommandContext): void {
  const command = program
    .command('submit <type>')
    .description('submit a task')
    .option('-m, --meta <file>', 'JSON file with the meta; - reads stdin')
    .option('--set <key=value>', 'set one field of the meta; may be given several times', collected)
    .option('-k, --key <key>', 'idempotency key; default: a random one')
    .option('--type-version <version>', 'version of the type; default: the newest')
    .option('--priority <n>', 'lower goes first, 1 to 1024; default 512', wholeNumber(1, 1_024))
    .option('--slots <n>', "slots on each node; default: the type's", wholeNumber(1, 4_096))
    .option('--slots-per-subtask <n>', "slots of one subtask; default: the type's", wholeNumber(1, 4_096))
    .option('--max-nodes <n>', "the most nodes; default: the type's, or all", wholeNumber(1, 100_000))
    .option('--scope <scope>', 'service scope; default: nodes without one, or the background ones')
    .addOption(
      new Option('--on-failure <what>', 'undo the work of a failed task, or hold it for a decision').choices([
        'revert',
        'hold',
      ]),
    )
    .option('--rows-per-second <n>', 'the most rows a second, over all nodes', wholeNumber(1, 1e12))
    .option('--bytes-per-second <n>', 'the most bytes a second, over all nodes', wholeNumber(1, 1e12))
    .option('--statements-per-second <n>', 'the most statements a second, over all nodes', wholeNumber(1, 1e12))
    .option('--gate <json>', 'a condition under which it starts batches; may be given several times', collected)
    .option('-w, --wait', 'show progress until it has ended');
  withClusterFlags(command)
    .addHelpText('after', EXAMPLES)
    .action(async (type: string, flags: SubmitFlags) => {
      const { key, typeVersion, priority, slots, slotsPerSubtask, maxNodes, scope, onFailure } = flags;
      const settings = {
        ...{ key, typeVersion, priority, slots, slotsPerSubtask, maxNodes, scope, onFailure },
        ...readThrottle(flags),
      };
      const meta = readMeta(flags.meta, flags.set ?? [], context.cwd);
      await withClient(flags, context, async (client) => {
        const task = await client.submit({ type, meta, ...settings }, { signal: context.signal });
        const isJson = flags.json === true;
        if (flags.wait !== true) {
          context.print(
            isJson ? JSON.stringify({ task: task.task, created: task.created }) : submittedText(task, context.program),
          );
          return;
        }
        if (!isJson) context.note(submittedText(task, context.program).split('\n')[0] ?? '');
        await waitForTask(task, isJson, context);
      });
    });
}

/** The budget and the gates, as far as they are given. */
function readThrottle(flags: SubmitFlags): Pick<SubmitRequest, 'throttle' | 'gates'> {
  const { rowsPerSecond: rows, bytesPerSecond: bytes, statementsPerSecond: statements, gate = [] } = flags;
  const hasBudget = rows !== undefined || bytes !== undefined || statements !== undefined;
  return {
    ...(hasBudget ? { throttle: { rows, bytes, statements } } : {}),
    ...(gate.length > 0 ? { gates: gate.map(readGate) } : {}),
  };
}

/** The owner checks what it says, and names the field. @throws {LongshoreError} ARGUMENT_INVALID when it is no JSON. */
function readGate(text: string): NonNullable<SubmitRequest['gates']>[number] {
  try {
    return JSON.parse(text) as NonNullable<SubmitRequest['gates']>[number];
  } catch (cause) {
    const message = `--gate ${text} is not JSON: ${(cause as Error).message}`;
    throw new LongshoreError('ARGUMENT_INVALID', message, { cause });
  }
}

function submittedText(task: { readonly id: string; readonly created: boolean }, program: string): string {
  const what = task.created ? `task ${task.id} submitted` : `task ${task.id} has this key and content already`;
  return `${what}\nwatch it: ${program} task watch ${task.id}`;
}
