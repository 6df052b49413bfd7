import type { Command } from 'commander';
import type { CommandContext } from '../command-context.ts';
import { findSchema } from '../meta/find-schema.ts';
import { setValues } from '../meta/set-value.ts';
import { readChanges, withRemovalFlags, type ChangesFlags } from '../settings/task-changes.ts';
import { withSettingsFlags } from '../settings/task-settings.ts';
import { addControlCommand, type ControlFlags } from './control-command.ts';
import { collected } from './options.ts';

interface ModifyFlags extends ControlFlags, ChangesFlags {
  readonly set?: readonly string[];
}

const EXAMPLES = `  $ longshore task modify 12 --slots 8 --max-nodes 4 --reason 'it is night'
  $ longshore task modify 12 --rows-per-second 2000
  $ longshore task modify 12 --no-throttle --no-max-nodes --priority 100
  $ longshore task modify 12 --set batchRows=500

You can change a task that is pending, running, paused or awaiting resolution. The command ends once the change is applied.
Running work is told and keeps its place. A new budget replaces the whole old one. --set takes the keys that the task's type
allows; if the type refuses one, nothing changes.`;

export function addTaskModifyCommand(task: Command, context: CommandContext): void {
  addControlCommand<ModifyFlags>(task, context, {
    name: 'modify',
    description: 'change a task: slots, nodes, priority, budget, retries, timeouts, keys of its meta',
    examples: EXAMPLES,
    withFlags: (command) => {
      command.option('--set <key=value>', 'change one key of the meta; may be given several times', collected);
      return withRemovalFlags(withSettingsFlags(command));
    },
    prepare: (flags) => {
      const { set = [], reason } = flags;
      readChanges(flags, setValues({}, set));
      return async (handle, client) => {
        const { type, typeVersion } = handle.task;
        const schema = set.length === 0 ? undefined : await findSchema(client, type, typeVersion);
        const changes = readChanges(flags, setValues({}, set, schema));
        return handle.modify(changes, { reason, signal: context.signal });
      };
    },
    text: ({ id }) => `task ${id} is modified`,
  });
}
