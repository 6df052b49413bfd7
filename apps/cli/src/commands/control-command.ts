import type { ControlReply, LongshoreClient, TaskHandle } from '@longshore/client';
import type { Command } from 'commander';
import type { CommandContext } from '../command-context.ts';
import { withClient, withClusterFlags, type CommonFlags } from '../cluster/with-client.ts';
import { findTask, TASK_ARGUMENT } from './find-task.ts';

/** Flags of every command that controls a task. */
export interface ControlFlags extends CommonFlags {
  readonly reason?: string;
  readonly wait?: boolean;
}

/** A command that controls one task. */
export interface ControlCommand<Flags extends ControlFlags> {
  readonly name: string;
  readonly description: string;
  readonly examples: string;
  /** What `--wait` waits for, in its help; absent: there is no such flag. */
  readonly waits?: string;
  /** Adds flags of its own. */
  readonly withFlags?: (command: Command) => Command;
  /** Reads what can be wrong before anything is asked of the cluster, and gives what asks for the control. */
  readonly prepare: (flags: Flags) => (handle: TaskHandle, client: LongshoreClient) => Promise<ControlReply>;
  /** What is printed without `--wait`, before the state. */
  readonly text: (handle: TaskHandle, reply: ControlReply) => string;
  /** Carries out `--wait`. */
  readonly waitFor?: (handle: TaskHandle, asJson: boolean, client: LongshoreClient) => Promise<void>;
}

/** Adds a command that controls one task: finds it, asks, and prints what was decided or waits for what follows. */
export function addControlCommand<Flags extends ControlFlags = ControlFlags>(
  task: Command,
  context: CommandContext,
  control: ControlCommand<Flags>,
): void {
  const { withFlags = (command: Command) => command, waits, waitFor } = control;
  const command = withFlags(
    task.command(control.name).description(control.description).argument('<task>', TASK_ARGUMENT),
  ).option('--reason <text>', 'why, for its events');
  if (waits !== undefined) command.option('-w, --wait', waits);
  withClusterFlags(command)
    .addHelpText('after', `\nExamples:\n${control.examples}`)
    .action(async (name: string, flags: Flags) => {
      const ask = control.prepare(flags);
      await withClient(flags, context, async (client: LongshoreClient) => {
        const handle = await findTask(client, name);
        const reply = await ask(handle, client);
        const isJson = flags.json === true;
        if (flags.wait === true && waitFor !== undefined) return waitFor(handle, isJson, client);
        const text = `${control.text(handle, reply)}; state ${reply.task.state}`;
        context.print(isJson ? JSON.stringify(reply) : text);
      });
    });
}
