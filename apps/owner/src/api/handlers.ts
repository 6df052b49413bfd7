import type { Bus } from '@longshore/bus';
import { isTerminalTaskState, LongshoreError, taskId } from '@longshore/core';
import type { ApiHandlers, ClusterLimits, TaskHint, TaskRef } from '@longshore/protocol';
import {
  findTaskByKey,
  listRuns,
  listTasks,
  readEvents,
  readNodeLoads,
  readNodes,
  readNodeStates,
  readPresentNodes,
  readProgress,
  readSettings,
  readSubtasks,
  readTask,
  readTaskMeta,
  readTypes,
  readSummaries,
  readWaiting,
  saveSettings,
  type Store,
  type StoredTask,
} from '@longshore/store';
import { counterOf, type Logger, type MetricsRegistry, type Tracing } from '@longshore/telemetry';
import { RequestChecker } from '../checking/request-checker.ts';
import { definedOf } from '../checking/changes-of-request.ts';
import { controlHandlers } from './control-handlers.ts';
import { TaskSubmitter } from './submit.ts';
import { traceRequest } from './trace-request.ts';
import { nodeView, progressView, taskView } from './views.ts';

/**
 * Nodes that are gone which a list has at most, those that went last: enough for a roll-out of a large cluster. Ten thousand would be more than a
 * message may have.
 */
const MOST_GONE_NODES = 200;

export interface ApiOptions {
  readonly store: Store;
  readonly bus: Bus;
  /** This replica's name, which events of its requests show. */
  readonly instance: string;
  readonly logger: Pick<Logger, 'info'>;
  /** Null: no spans. */
  readonly tracing: Tracing | null;
  /** Default: nothing is counted. */
  readonly metrics?: MetricsRegistry;
  readonly wakeLeader: () => void;
  /** The limit while nobody has set one. */
  readonly maxScheduledTasks: number;
}

/** What every replica of the owner answers. Writes here need no leadership: each is a compare-and-set under the task's row. */
export function apiHandlers(options: ApiOptions): ApiHandlers {
  const { store, bus, instance, logger, tracing, metrics, wakeLeader, maxScheduledTasks } = options;
  const service = `api ${instance}`;
  const submitter = new TaskSubmitter(store, new RequestChecker(store.db), wakeLeader);

  const find = async (ref: TaskRef): Promise<StoredTask> => {
    const id = ref.id ?? (await findTaskByKey(store.db, ref.key ?? ''));
    const task = id === null ? null : await readTask(store.db, id);
    if (task !== null) return task;
    const message =
      ref.id === undefined ? `no task has the key ${JSON.stringify(ref.key)}` : `task ${ref.id} does not exist`;
    throw new LongshoreError('TASK_NOT_FOUND', message);
  };

  /** A task's state was changed by a user: who schedules, watches or runs it looks now. */
  const tell = async (id: string): Promise<void> => {
    wakeLeader();
    bus.publish(bus.subjects.taskEvents(taskId(id)), { kind: 'state' } satisfies TaskHint);
    for (const node of await readPresentNodes(store.db)) bus.publish(bus.subjects.controlNode(node.id), { taskId: id });
  };

  const skipped = metrics === undefined ? null : counterOf(metrics, 'skippedSubtasks');
  const onSkipped = (type: string, subtasks: number): void => {
    if (subtasks > 0) skipped?.inc({ type }, subtasks);
  };

  const limits = async (): Promise<ClusterLimits> => ({ maxScheduledTasks, ...(await readSettings(store.db)) });

  return {
    'task.submit': (request, { trace, principal }) =>
      traceRequest(tracing, request.type, trace, (parent) => submitter.submit(request, { service, principal }, parent)),
    'task.get': async ({ task: ref }) => {
      const task = await find(ref);
      const [meta, progress, waiting, summaries, [submit], newest] = await Promise.all([
        readTaskMeta(store.db, task.id),
        readProgress(store.db, task.id, task.step),
        readWaiting(store.db, task.id),
        readSummaries(store.db, task.id),
        readEvents(store.db, task.id, 0, 1),
        // Until it has ended it is the newest one.
        isTerminalTaskState(task.state) ? findTaskByKey(store.db, task.key) : null,
      ]);
      const states = await readNodeStates(
        store.db,
        progress.nodes.map(({ node }) => node),
      );
      return {
        task: taskView(task),
        meta,
        ...progressView(task, progress, (node) => states.get(node)),
        controls: [...progress.controls],
        rerun: progress.rerun,
        waiting: [...waiting],
        summaries: [...summaries],
        submittedBy: submit?.principal ?? null,
        newestRun: newest === task.id ? null : newest,
      };
    },
    'task.view': async ({ task: ref }) => ({ task: taskView(await find(ref)) }),
    'task.list': async ({ history, limit = 50, ...filter }) => {
      const tasks = await listTasks(store.db, { ...filter, withHistory: history ?? false, limit });
      return { tasks: tasks.map(taskView), next: tasks.length === limit ? (tasks.at(-1)?.id ?? null) : null };
    },
    'task.runs': async ({ key, before, limit = 50 }) => {
      const runs = await listRuns(store.db, key, { before, limit });
      return { tasks: runs.map(taskView), next: runs.length === limit ? (runs.at(-1)?.id ?? null) : null };
    },
    ...controlHandlers({ store, service, find, onSkipped, tell }),
    'task.events': async ({ task: ref, after = 0, limit = 100 }) => {
      const task = await find(ref);
      const events = await readEvents(store.db, task.id, after, limit);
      return {
        events: events.map(({ lastAt, events: count, ...event }) => ({
          ...event,
          at: event.at.toISOString(),
          ...(lastAt === null ? {} : { events: count, lastAt: lastAt.toISOString() }),
        })),
        next: events.length === limit ? (events.at(-1)?.seq ?? null) : null,
      };
    },
    'task.subtasks': async ({ task: ref, after = '0', limit = 100, states, step }) => {
      const task = await find(ref);
      const subtasks = await readSubtasks(store.db, task.id, after, limit, { states, step });
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
      const [nodes, loads] = await Promise.all([readNodes(store.db, MOST_GONE_NODES), readNodeLoads(store.db)]);
      return { nodes: nodes.map((node) => nodeView(node, loads.get(node.id))) };
    },
    'limits.get': async () => ({ limits: await limits() }),
    'limits.set': async (request, { principal }) => {
      const changed = definedOf(request);
      await saveSettings(store.db, changed);
      wakeLeader();
      // Events belong to a task. Limits belong to none, so the log keeps who changed them.
      logger.info({ changed, principal }, 'the limits of the cluster were changed');
      return { limits: await limits() };
    },
    'type.list': async ({ type }) => {
      const [types, nodes] = await Promise.all([readTypes(store.db, type), readPresentNodes(store.db)]);
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
