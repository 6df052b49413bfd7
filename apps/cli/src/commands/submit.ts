import type { SubmitRequest } from '@longshore/client';
import { LongshoreError } from '@longshore/core';
import type { Command } from 'commander';
import type { CommandContext } from '../command-context.ts';
import { withClient, withClusterFlags, type CommonFlags } from '../cluster/with-client.ts';
import { findSchema } from '../meta/find-schema.ts';
import { readMeta } from '../meta/read-meta.ts';
import { setValues } from '../meta/set-value.ts';
import { startedJson, submittedJson, submittedText } from '../output/submitted-text.ts';
import { readSettings, withSettingsFlags, type SettingsFlags } from '../settings/task-settings.ts';
import { collected } from './options.ts';
import { waitForTask } from './wait-for-task.ts';

interface SubmitFlags
  extends CommonFlags, SettingsFlags, Pick<SubmitRequest, 'key' | 'again' | 'typeVersion' | 'scope'> {
  readonly meta?: string;
  readonly set?: readonly string[];
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
  $ longshore submit add-index --meta by_customer.json --on-failure hold --deadline 6h --max-failures 3 \\
      --selector 'zone in (a,b)' --selector disk=ssd
  $ jq '.table = "public.orders_2"' orders.json | longshore submit import --meta - --key orders-2 --json

A --set value is read as the type's schema says: as it is where that wants text, otherwise as JSON. A dot in the
key goes one level deeper; a name with dots stands in double quotes.
"longshore type show TYPE" shows what the meta of a type must look like. A second submit with the same --key
and the same content starts nothing, so a script may run again: it gives the task of the key, also when that has
failed; "started" in its JSON says so. --again starts the next run of the key if the last one has ended;
"longshore task runs KEY" lists them. Settings without a flag have the type's default. "longshore task modify"
changes them later.`;

export function addSubmitCommand(program: Command, context: CommandContext): void {
  const command = program
    .command('submit <type>')
    .description('submit a task')
    .option('-m, --meta <file>', 'JSON file with the meta; - reads stdin')
    .option('--set <key=value>', 'set one field of the meta; may be given several times', collected)
    .option('-k, --key <key>', 'idempotency key; default: a random one')
    .option('--again', 'start the next run of the key if its last one has ended; needs --key')
    .option('--type-version <version>', 'version of the type; default: the newest')
    .option('--scope <scope>', 'scope of nodes; default: the background nodes, or else those without a scope')
    .option(
      '--gate <json>',
      'a condition that must be true before a batch starts; may be given several times',
      collected,
    )
    .option('-w, --wait', 'show progress until it has ended');
  withClusterFlags(withSettingsFlags(command))
    .addHelpText('after', EXAMPLES)
    .action(async (type: string, flags: SubmitFlags) => {
      const { key, again, typeVersion, scope } = flags;
      if (again === true && key === undefined) {
        throw new LongshoreError('ARGUMENT_INVALID', '--again needs --key: it starts the next run of that key');
      }
      const settings = { key, again, typeVersion, scope, ...readSettings(flags), ...readGates(flags) };
      // What is wrong by itself is said before anything is asked of the cluster.
      const { set = [] } = flags;
      const given = readMeta(flags.meta, [], context.cwd);
      setValues(given, set);
      await withClient(flags, context, async (client) => {
        const schema = set.length === 0 ? undefined : await findSchema(client, type, typeVersion);
        const meta = setValues(given, set, schema);
        const task = await client.submit({ type, meta, ...settings }, { signal: context.signal });
        const isJson = flags.json === true;
        const text = submittedText(task, context.program);
        if (flags.wait !== true) {
          context.print(isJson ? JSON.stringify(submittedJson(task)) : text);
          return;
        }
        // On stderr: what the wait prints is the output, in JSON too.
        if (!task.created) context.note(text);
        else if (!isJson) context.note(text.split('\n')[0] ?? '');
        await waitForTask(task, isJson, context, startedJson(task));
      });
    });
}

function readGates({ gate = [] }: SubmitFlags): Pick<SubmitRequest, 'gates'> {
  return gate.length === 0 ? {} : { gates: gate.map(readGate) };
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
