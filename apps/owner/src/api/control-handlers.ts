import { LongshoreError, type Principal } from '@longshore/core';
import type { ApiHandlers, ControlReply, TaskRef } from '@longshore/protocol';
import {
  cancelTask,
  endCleanUp,
  modifyTask,
  pauseTask,
  readTypes,
  restartTask,
  resumeTask,
  retryTask,
  revertTask,
  skipFailed,
  type Actor,
  type ControlResult,
  type Store,
  type StoredTask,
} from '@longshore/store';
import { changesOf } from '../checking/changes-of-request.ts';
import { taskView } from './views.ts';

interface ControlContext {
  readonly store: Store;
  /** Name of this service, for events: it carries out what somebody asked for. */
  readonly service: string;
  readonly find: (ref: TaskRef) => Promise<StoredTask>;
  /** Counts subtasks of a type that are skipped. */
  readonly onSkipped: (type: string, subtasks: number) => void;
  /** Tells the others of a change. */
  readonly tell: (id: string) => Promise<void>;
}

type ControlMethods = 'cancel' | 'pause' | 'resume' | 'modify' | 'retry' | 'skip' | 'revert' | 'restart' | 'endcleanup';

/** Requests that change an existing task: one transition under its row's lock, then a hint to everybody concerned. */
export function controlHandlers({
  store,
  service,
  find,
  onSkipped,
  tell,
}: ControlContext): Pick<ApiHandlers, `task.${ControlMethods}`> {
  const control = async (
    ref: TaskRef,
    what: string,
    write: (task: StoredTask) => Promise<ControlResult>,
  ): Promise<ControlReply> => {
    const found = await find(ref);
    if (found.isArchived) throw hasEnded(found, what);
    const { changed, event } = await write(found).catch(async (error: unknown) => {
      // It may have left for history since it was found.
      const now = await find({ id: found.id });
      throw now.isArchived ? hasEnded(now, what) : error;
    });
    if (changed) await tell(found.id);
    const task = taskView(await find({ id: found.id }));
    return event === undefined ? { task, changed } : { task, changed, event };
  };

  const actorOf = (principal: Principal | null): Actor => ({ service, principal });

  return {
    'task.cancel': ({ task, reason, force }, { principal }) =>
      control(task, 'cancel', ({ id }) => cancelTask(store.db, id, actorOf(principal), reason ?? null, force ?? false)),
    'task.pause': ({ task, reason }, { principal }) =>
      control(task, 'pause', ({ id }) => pauseTask(store.db, id, actorOf(principal), reason ?? null)),
    'task.resume': ({ task, reason }, { principal }) =>
      control(task, 'resume', ({ id }) => resumeTask(store.db, id, actorOf(principal), reason ?? null)),
    'task.retry': ({ task, reason }, { principal }) =>
      control(task, 'retry', ({ id }) => retryTask(store.db, id, actorOf(principal), reason ?? null)),
    'task.skip': ({ task, reason }, { principal }) =>
      control(task, 'skip', async ({ id, type }) => {
        const result = await skipFailed(store.db, id, actorOf(principal), reason ?? null);
        onSkipped(type, result.skipped);
        return result;
      }),
    'task.revert': ({ task, reason }, { principal }) =>
      control(task, 'revert', ({ id }) => revertTask(store.db, id, actorOf(principal), reason ?? null)),
    'task.restart': ({ task, reason }, { principal }) =>
      control(task, 'restart', ({ id }) => restartTask(store.db, id, actorOf(principal), reason ?? null)),
    'task.endcleanup': ({ task, reason }, { principal }) =>
      control(task, 'clean up', ({ id }) => endCleanUp(store.db, id, actorOf(principal), reason ?? null)),
    'task.modify': ({ task, changes, reason }, { principal }) =>
      control(task, 'modify', async (found) => {
        const versions = await readTypes(store.db, found.type);
        const type = versions.find((one) => one.version === found.typeVersion) ?? null;
        return modifyTask(store.db, found.id, changesOf(found, type, changes), actorOf(principal), reason ?? null);
      }),
  };
}

function hasEnded({ id, state }: StoredTask, what: string): LongshoreError {
  const next = what === 'restart' ? '; the next run of its key starts with the same submit and --again' : '';
  return new LongshoreError('STATE_CONFLICT', `task ${id} has ended (${state}); there is nothing to ${what}${next}`, {
    details: { state },
  });
}
