import type { EventView } from '@longshore/client';
import type { Command } from 'commander';
import type { CommandContext } from '../command-context.ts';
import { withClient, withClusterFlags, type CommonFlags } from '../cluster/with-client.ts';
import { eventTable } from '../output/task-text.ts';
import { findTask, TASK_ARGUMENT } from './find-task.ts';
import { wholeNumber } from './options.ts';

interface EventsFlags extends CommonFlags {
  readonly after?: number;
}

const EXAMPLES = `
Examples:
  $ longshore task events 12
  $ longshore task events 12 --after 40 --json | jq -r '.events[].message'`;

export function addTaskEventsCommand(task: Command, context: CommandContext): void {
  const command = task
    .command('events')
    .description("list a task's events, oldest first: state changes, and moves, retries and failures of subtasks")
    .argument('<task>', TASK_ARGUMENT)
    .option('--after <seq>', 'only events after this number', wholeNumber(0, Number.MAX_SAFE_INTEGER));
  withClusterFlags(command)
    .addHelpText('after', EXAMPLES)
    .action(async (name: string, { after, ...flags }: EventsFlags) => {
      await withClient(flags, context, async (client) => {
        const handle = await findTask(client, name);
        const events: EventView[] = [];
        for await (const event of handle.events(after === undefined ? {} : { after })) events.push(event);
        if (flags.json === true) context.print(JSON.stringify({ events }));
        else if (events.length > 0) context.print(eventTable(events));
        else context.note('no events');
      });
    });
}
