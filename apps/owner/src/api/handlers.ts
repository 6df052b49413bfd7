import type { ApiHandlers, Bus } from '@longshore/bus';
import { LongshoreError, taskId } from '@longshore/core';
import type { TaskHint, TaskRef } from '@longshore/protocol';
import {
  cancelTask,
  findTaskByKey,
  listTasks,
  readEvents,
  readNodeLoads,
  readNodes,
  readProgress,
  readSubtasks,
  readTask,
  readTaskMeta,
  readTypes,
  readWaiting,
  type Store,
  type StoredTask,
} from '@longshore/store';
import type { Tracing } from '@longshore/telemetry';
import { TaskSubmitter } from './submit.ts';
import { traceRequest } from './trace-request.ts';
import { nodeView, taskView } from './views.ts';

function nothingToCancel({ id, state }: StoredTask): LongshoreError {
  return new LongshoreError('STATE_CONFLICT', `task ${id} has ended (${state}); there is nothing to cancel`, {
    details: { state },
  });
}

const IDLE = { running: 0, pending: 0 };

/** What every replica of the owner answers. Writes here need no leadership: each is a compare-and-set under the task's row. */
export function apiHandlers(
  store: Store,
  bus: Bus,
  instance: string,
  tracing: Tracing | null,
  wakeLeader: () => void,
): ApiHandlers {
  const actor = `api ${instance}`;
  const submitter = new TaskSubmitter(store, actor, wakeLeader);

  const find = async (ref: TaskRef): Promise<StoredTask> => {
    const id = ref.id ?? (await findTaskByKey(store.db, ref.key ?? ''));
    const task = id === null ? null : await readTask(store.db, id);
    if (task !== null) return task;
    const name = ref.id === undefined ? `key ${JSON.stringify(ref.key)}` : `id ${ref.id}`;
    throw new LongshoreError('TASK_NOT_FOUND', `there is no task of ${name}`);
  };

  return {
    'task.submit': (request, { trace }) =>
      traceRequest(tracing, request.type, trace, (parent) => submitter.submit(request, parent)),
    'task.get': async ({ task: ref }) => {
      const task = await find(ref);
      const [meta, progress, nodes, waiting] = await Promise.all([
        readTaskMeta(store.db, task.id),
        readProgress(store.db, task.id, task.step),
        readNodes(store.db),
        readWaiting(store.db, task.id),
      ]);
      const states = new Map<string, string>(nodes.map((node) => [node.id, node.state]));
      return {
        task: taskView(task),
        meta,
        steps: progress.steps.map(({ step, total, pending, running, succeeded, failed, ...amounts }) => ({
          step,
          subtasks: { total, pending, running, succeeded, failed },
          ...amounts,
        })),
        nodes: progress.nodes.map((node) => ({ ...node, state: states.get(node.node) ?? 'gone' })),
        controls: [...progress.controls],
        rerun: progress.rerun,
        waiting: [...waiting],
      };
    },
    'task.view': async ({ task: ref }) => ({ task: taskView(await find(ref)) }),
    'task.list': async ({ states, type, history, before, limit = 50 }) => {
      const tasks = await listTasks(store.db, { states, type, withHistory: history ?? false, before, limit });
      return { tasks: tasks.map(taskView), next: tasks.length === limit ? (tasks.at(-1)?.id ?? null) : null };
    },
    'task.cancel': async ({ task: ref, reason }) => {
      const found = await find(ref);
      if (found.isArchived) throw nothingToCancel(found);
      const { changed } = await cancelTask(store.db, found.id, actor, reason ?? null).catch(async (error: unknown) => {
        // It may have left for history since it was found.
        const now = await find({ id: found.id });
        throw now.isArchived ? nothingToCancel(now) : error;
      });
      if (changed) {
        wakeLeader();
        bus.publish(bus.subjects.taskEvents(taskId(found.id)), { kind: 'state' } satisfies TaskHint);
        for (const node of await readNodes(store.db))
          bus.publish(bus.subjects.controlNode(node.id), { taskId: found.id });
      }
      return { task: taskView(await find({ id: found.id })), changed };
    },
    'task.events': async ({ task: ref, after = 0, limit = 100 }) => {
      const task = await find(ref);
      const events = await readEvents(store.db, task.id, after, limit);
      return {
        events: events.map((event) => ({ ...event, at: event.at.toISOString() })),
        next: events.length === limit ? (events.at(-1)?.seq ?? null) : null,
      };
    },
    'task.subtasks': async ({ task: ref, after = '0', limit = 100 }) => {
      const task = await find(ref);
      const subtasks = await readSubtasks(store.db, task.id, after, limit);
      return {
        subtasks: subtasks.map((one) => ({
          ...one,
          startedAt: one.startedAt?.toISOString() ?? null,
          endedAt: one.endedAt?.toISOString() ?? null,
        })),
        next: subtasks.length === limit ? (subtasks.at(-1)?.id ?? null) : null,
      };
    },
    'node.list': async () => {
      const [nodes, loads] = await Promise.all([readNodes(store.db), readNodeLoads(store.db)]);
      return { nodes: nodes.map((node) => nodeView(node, loads.get(node.id) ?? IDLE)) };
    },
    'type.list': async ({ type }) => {
      const [types, nodes] = await Promise.all([readTypes(store.db, type), readNodes(store.db)]);
      return {
        types: types.map((one) => ({
          ...one,
          steps: [...one.steps],
          hooks: [...one.hooks],
          defaults: { ...one.defaults },
          nodes: nodes
            .filter(
              (node) =>
                node.state === 'live' && node.types.some((o) => o.type === one.type && o.version === one.version),
            )
            .map((node) => node.id),
        })),
      };
    },
  };
}
