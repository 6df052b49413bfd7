import { HIGHEST_MAX_SUBTASKS_PER_STEP, LongshoreError } from '@longshore/core';
import type { Command } from 'commander';
import type { CommandContext } from '../command-context.ts';
import { withClient, withClusterFlags, type CommonFlags } from '../cluster/with-client.ts';
import { limitsText } from '../output/cluster-text.ts';
import { wholeNumber } from './options.ts';

interface SetFlags extends CommonFlags {
  readonly maxScheduledTasks?: number;
  readonly maxSubtasksPerStep?: number;
}

const EXAMPLES = `
Examples:
  $ longshore limits set --max-scheduled-tasks 64
  $ longshore limits set --max-subtasks-per-step 5000000

The store keeps limits, so they survive restarts. Tasks beyond --max-scheduled-tasks wait with TASK_LIMIT, even if slots
are free. You can still cancel, pause, modify and undo them.
A plan with more subtasks than --max-subtasks-per-step fails with STEP_TOO_LARGE. Plans that run keep the limit that they began with.`;

export function addLimitsSetCommand(limits: Command, context: CommandContext): void {
  const command = limits
    .command('set')
    .description("change the cluster's limits")
    .option('--max-scheduled-tasks <n>', 'tasks that have slots at once', wholeNumber(1, 1_000))
    .option(
      '--max-subtasks-per-step <n>',
      'subtasks of one step; a task type may allow fewer',
      wholeNumber(1, HIGHEST_MAX_SUBTASKS_PER_STEP),
    );
  withClusterFlags(command)
    .addHelpText('after', EXAMPLES)
    .action(async (flags: SetFlags) => {
      const { maxScheduledTasks, maxSubtasksPerStep } = flags;
      if (maxScheduledTasks === undefined && maxSubtasksPerStep === undefined) {
        throw new LongshoreError('ARGUMENT_INVALID', 'name at least one limit, such as --max-scheduled-tasks 64');
      }
      await withClient(flags, context, async (client) => {
        const found = await client.setLimits({
          ...(maxScheduledTasks !== undefined && { maxScheduledTasks }),
          ...(maxSubtasksPerStep !== undefined && { maxSubtasksPerStep }),
        });
        context.print(flags.json === true ? JSON.stringify({ limits: found }) : limitsText(found));
      });
    });
}
