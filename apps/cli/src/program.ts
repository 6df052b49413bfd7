import { Command } from 'commander';
import type { CommandContext } from './command-context.ts';
import { addDevCommand } from './commands/dev.ts';
import { addLimitsSetCommand } from './commands/limits-set.ts';
import { addLimitsShowCommand } from './commands/limits-show.ts';
import { addMigrateCommand } from './commands/migrate.ts';
import { addNodeListCommand } from './commands/node-list.ts';
import { addSubmitCommand } from './commands/submit.ts';
import { addTargetPrepareCommand } from './commands/target-prepare.ts';
import { addTaskCancelCommand } from './commands/task-cancel.ts';
import { addTaskEventsCommand } from './commands/task-events.ts';
import { addTaskListCommand } from './commands/task-list.ts';
import { addTaskModifyCommand } from './commands/task-modify.ts';
import { addTaskPauseCommand } from './commands/task-pause.ts';
import { addTaskResumeCommand } from './commands/task-resume.ts';
import { addTaskRestartCommand } from './commands/task-restart.ts';
import { addTaskRetryCommand } from './commands/task-retry.ts';
import { addTaskEndCleanUpCommand } from './commands/task-end-clean-up.ts';
import { addTaskRevertCommand } from './commands/task-revert.ts';
import { addTaskRunsCommand } from './commands/task-runs.ts';
import { addTaskShowCommand } from './commands/task-show.ts';
import { addTaskSkipCommand } from './commands/task-skip.ts';
import { addTaskSubtasksCommand } from './commands/task-subtasks.ts';
import { addTaskWaitCommand } from './commands/task-wait.ts';
import { addTaskWatchCommand } from './commands/task-watch.ts';
import { addTypeListCommand } from './commands/type-list.ts';
import { addTypeShowCommand } from './commands/type-show.ts';
import { EXIT_CODE_HELP } from './exit-codes.ts';

const HELP = `
Examples:
  $ longshore dev                                     a whole cluster on this machine, until Ctrl-C
  $ longshore submit import --meta orders.json --wait
  $ longshore task list

Which cluster: --server, then LONGSHORE_NATS_URL, then the "longshore dev" of this folder or a folder above it.
Credentials: LONGSHORE_NATS_TOKEN, or _USER and _PASSWORD, or _CREDENTIALS (a file); TLS: _CA, _CERT, _KEY.

${EXIT_CODE_HELP}`;

/** The whole command line. Its commands throw; the caller prints errors and ends the process. */
export function buildProgram(context: CommandContext, version: string): Command {
  const program = new Command('longshore')
    .description('Longshore runs large data operations as tasks over a fleet of executors.')
    .version(version)
    .exitOverride()
    // What stands behind a command is that command's: `dev --json` is not `dev sql --json`.
    .enablePositionalOptions()
    .configureOutput({
      writeOut: (text) => context.print(text.trimEnd()),
      // Usage errors are printed with all others, in one form.
      outputError: () => undefined,
      writeErr: (text) => context.note(text.trimEnd()),
    })
    .addHelpText('after', HELP);
  addDevCommand(program, context);
  addSubmitCommand(program, context);
  const task = program.command('task').description('show, follow and control tasks');
  addTaskListCommand(task, context);
  addTaskRunsCommand(task, context);
  addTaskShowCommand(task, context);
  addTaskWaitCommand(task, context);
  addTaskWatchCommand(task, context);
  addTaskPauseCommand(task, context);
  addTaskResumeCommand(task, context);
  addTaskModifyCommand(task, context);
  addTaskRetryCommand(task, context);
  addTaskSkipCommand(task, context);
  addTaskRevertCommand(task, context);
  addTaskRestartCommand(task, context);
  addTaskEndCleanUpCommand(task, context);
  addTaskCancelCommand(task, context);
  addTaskEventsCommand(task, context);
  addTaskSubtasksCommand(task, context);
  addNodeListCommand(program.command('node').description('show nodes'), context);
  const type = program.command('type').description('show task types');
  addTypeListCommand(type, context);
  addTypeShowCommand(type, context);
  const limits = program.command('limits').description('limits of the whole cluster');
  addLimitsShowCommand(limits, context);
  addLimitsSetCommand(limits, context);
  addMigrateCommand(program, context);
  addTargetPrepareCommand(program.command('target').description('databases that tasks change'), context);
  return program;
}
