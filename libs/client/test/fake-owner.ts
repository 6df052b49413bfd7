import { connectBus, type Bus } from '@longshore/bus';
import { LongshoreError, type Principal, type TaskId } from '@longshore/core';
import type {
  ApiHandlers,
  ApiRequest,
  ClusterLimits,
  ControlReply,
  EventView,
  ListRequest,
  SubtasksRequest,
  SubtaskView,
  TaskDetail,
  TaskView,
  TraceContext,
} from '@longshore/protocol';

const CREATED_AT = '2026-01-01T00:00:00.000Z';

/** A task as an owner would show it; tests name only what they are about. */
export function taskView(fields: Partial<TaskView> = {}): TaskView {
  return {
    id: '1',
    key: 'key-1',
    type: 'toy',
    typeVersion: '1.0.0',
    state: 'running',
    outcome: null,
    step: 'work',
    priority: 512,
    slots: 1,
    slotsPerSubtask: 1,
    maxNodes: null,
    scope: '',
    onFailure: 'revert',
    nodes: [],
    waiting: null,
    error: null,
    result: null,
    createdAt: CREATED_AT,
    startedAt: null,
    endedAt: null,
    isArchived: false,
    ...fields,
  };
}

/** What an executor has registered. */
const TYPES = ['toy', 'typed-toy'];

/** What each control does to a task's state here; an owner's leader would take it further. */
const CONTROLS = {
  'task.pause': { from: ['pending', 'running'], to: { state: 'pausing' } },
  'task.resume': { from: ['paused'], to: { state: 'resuming' } },
  'task.modify': { from: ['pending', 'running', 'paused', 'awaiting-resolution'], to: { state: 'modifying' } },
  'task.retry': { from: ['awaiting-resolution'], to: { state: 'running' } },
  'task.skip': { from: ['awaiting-resolution'], to: { state: 'running' } },
  'task.endcleanup': { from: ['succeed'], to: { state: 'succeed' } },
  'task.revert': { from: ['awaiting-resolution'], to: { state: 'reverting' } },
  'task.restart': { from: ['running', 'awaiting-resolution'], to: { state: 'reverting' } },
  'task.cancel': {
    from: ['pending', 'running', 'paused', 'awaiting-resolution', 'modifying'],
    to: { state: 'reverted', outcome: 'canceled' },
  },
} as const;
type ControlMethod = keyof typeof CONTROLS;

/** The answering side of the real protocol, over a list of tasks that the test owns. */
export class FakeOwner {
  readonly tasks = new Map<string, TaskDetail>();
  readonly events: EventView[] = [];
  readonly subtasks: SubtaskView[] = [];
  readonly traces: (TraceContext | null)[] = [];
  /** Who submitted, in order. */
  readonly principals: (Principal | null)[] = [];
  /** The id of each submit that arrived, in order. */
  readonly submitIds: string[] = [];
  /** How often each method was asked. */
  readonly asked: Record<string, number> = {};
  /** Every control that was asked for, in order. */
  readonly controls: { readonly [M in ControlMethod]: { readonly method: M } & ApiRequest<M> }[ControlMethod][] = [];
  /** Filters of every list and every page of subtasks that was asked for. */
  readonly lists: (ListRequest | SubtasksRequest)[] = [];
  limits: ClusterLimits = { maxScheduledTasks: 16 };
  /** Whether the reply to a control names its event. */
  namesEvents = true;
  /** Called once a modification is being applied, instead of a leader. */
  onModify: (id: string) => void = (id) => this.change(id, { state: 'running' });
  /** The next so many submits are carried out, but their answers never leave. */
  unansweredSubmits = 0;
  /** The next so many submits, looks and pauses get lost: whoever got them stands still. */
  lostRequests = 0;
  /** Submits that are refused from now on because the owner is too busy. */
  busySubmits = 0;
  /** The next so many submits find their key taken by an open transaction. */
  lockedSubmits = 0;
  readonly bus: Bus;
  #answering: { close(): void } | undefined;

  private constructor(bus: Bus) {
    this.bus = bus;
  }

  static async start(servers: string, cluster: string, token?: string): Promise<FakeOwner> {
    const owner = new FakeOwner(await connectBus({ servers, cluster, token, name: 'fake-owner' }));
    await owner.answer();
    return owner;
  }

  /** Starts answering. */
  async answer(): Promise<void> {
    this.#answering = this.bus.answer(this.#handlers());
    await this.bus.flush();
  }

  /** Stops answering: what a cluster without an owner looks like. */
  async leave(): Promise<void> {
    this.#answering?.close();
    await this.bus.flush();
  }

  put(fields: Partial<TaskView> = {}): TaskDetail {
    const task = taskView(fields);
    const detail: TaskDetail = { task, meta: {}, steps: [], nodes: [], controls: [], rerun: 0 };
    this.tasks.set(task.id, detail);
    return detail;
  }

  /** Changes a task; with `hint`, tells the watchers. */
  change(id: string, fields: Partial<TaskView>, hint = true): void {
    const detail = this.tasks.get(id);
    if (detail === undefined) throw new Error(`no task ${id}`);
    this.tasks.set(id, { ...detail, task: { ...detail.task, ...fields } });
    if (hint) this.hint(id);
  }

  hint(id: string, kind: 'state' | 'progress' = 'state'): void {
    this.bus.publish(this.bus.subjects.taskEvents(id as TaskId), { kind });
  }

  /** Leaves an event; its number is the next one. */
  event(fields: Partial<EventView>): number {
    const seq = this.events.length + 1;
    const nothing = { actor: 'owner', kind: 'state', from: null, to: null, subtaskId: null, message: null };
    this.events.push({ seq, at: CREATED_AT, ...nothing, ...fields });
    return seq;
  }

  /** Carries a control out. */
  #control<M extends ControlMethod>(method: M, request: ApiRequest<M>): ControlReply {
    this.controls.push({ method, ...request } as (typeof this.controls)[number]);
    const { from, to } = CONTROLS[method];
    const { id, state } = this.#find(request.task).task;
    if (state === to.state) return { task: this.#find({ id }).task, changed: false };
    if (!(from as readonly string[]).includes(state)) {
      throw new LongshoreError('STATE_CONFLICT', `task ${id} is ${state}`, { details: { state } });
    }
    const event = this.event({ kind: method.slice('task.'.length), from: state, to: to.state });
    this.change(id, to);
    return { task: this.#find({ id }).task, changed: true, ...(this.namesEvents ? { event } : {}) };
  }

  #count(method: string, trace: TraceContext | null): void {
    this.asked[method] = (this.asked[method] ?? 0) + 1;
    this.traces.push(trace);
  }

  #find(ref: { readonly id?: string | undefined; readonly key?: string | undefined }): TaskDetail {
    const found = [...this.tasks.values()].find(({ task }) => task.id === ref.id || task.key === ref.key);
    if (found === undefined) throw new LongshoreError('TASK_NOT_FOUND', 'there is no such task');
    return found;
  }

  #handlers(): ApiHandlers {
    return {
      'task.submit': async ({ type, key = '', submitId = '' }, { trace, principal }) => {
        this.#count('task.submit', trace);
        if (this.lostRequests-- > 0) await new Promise(() => undefined);
        this.submitIds.push(submitId);
        this.principals.push(principal);
        if (!TYPES.includes(type)) throw new LongshoreError('TYPE_UNKNOWN', `no executor ever registered ${type}`);
        if (this.busySubmits-- > 0) throw new LongshoreError('OVERLOADED', 'this owner is too busy; send it again');
        if (this.lockedSubmits-- > 0) throw new LongshoreError('ROW_LOCKED', 'nothing was changed: the key is locked');
        const known = [...this.tasks.values()].find(({ task }) => task.key === key);
        const { task } = known ?? this.put({ id: String(this.tasks.size + 1), key, type });
        if (this.unansweredSubmits-- > 0) await new Promise(() => undefined);
        return { task, created: known === undefined };
      },
      'task.get': async ({ task }, { trace }) => {
        this.#count('task.get', trace);
        if (this.lostRequests-- > 0) await new Promise(() => undefined);
        return Promise.resolve(this.#find(task));
      },
      'task.view': async ({ task }, { trace }) => {
        this.#count('task.view', trace);
        return Promise.resolve({ task: this.#find(task).task });
      },
      'task.list': async (request) => {
        this.lists.push(request);
        const { before, limit = 50 } = request;
        const older = [...this.tasks.values()]
          .map(({ task }) => task)
          .filter(({ id }) => before === undefined || Number(id) < Number(before))
          .sort((a, b) => Number(b.id) - Number(a.id));
        const tasks = older.slice(0, limit);
        return Promise.resolve({ tasks, next: older.length > limit ? (tasks.at(-1)?.id ?? null) : null });
      },
      'task.runs': async ({ key }) => {
        const runs = [...this.tasks.values()].map(({ task }) => task).filter((task) => task.key === key);
        return Promise.resolve({ tasks: runs.toReversed(), next: null });
      },
      'task.pause': async (request) => {
        if (this.lostRequests-- > 0) await new Promise(() => undefined);
        return this.#control('task.pause', request);
      },
      'task.resume': async (request) => Promise.resolve(this.#control('task.resume', request)),
      'task.modify': async (request) => {
        const reply = this.#control('task.modify', request);
        if (reply.changed) setImmediate(() => this.onModify(reply.task.id));
        return Promise.resolve(reply);
      },
      'task.retry': async (request) => Promise.resolve(this.#control('task.retry', request)),
      'task.skip': async (request) => Promise.resolve(this.#control('task.skip', request)),
      'task.endcleanup': async (request) => Promise.resolve(this.#control('task.endcleanup', request)),
      'task.revert': async (request) => Promise.resolve(this.#control('task.revert', request)),
      'task.restart': async (request) => Promise.resolve(this.#control('task.restart', request)),
      'task.cancel': async (request) => Promise.resolve(this.#control('task.cancel', request)),
      'limits.get': async () => Promise.resolve({ limits: this.limits }),
      'limits.set': async ({ maxScheduledTasks, maxSubtasksPerStep }) => {
        if (maxScheduledTasks !== undefined) this.limits = { ...this.limits, maxScheduledTasks };
        if (maxSubtasksPerStep !== undefined) this.limits = { ...this.limits, maxSubtasksPerStep };
        return Promise.resolve({ limits: this.limits });
      },
      'task.events': async ({ after = 0, limit = 100 }) => {
        this.#count('task.events', null);
        const later = this.events.filter(({ seq }) => seq > after);
        const events = later.slice(0, limit);
        return Promise.resolve({ events, next: later.length > limit ? (events.at(-1)?.seq ?? null) : null });
      },
      'task.subtasks': async (request) => {
        this.lists.push(request);
        const { after = '0', limit = 100 } = request;
        this.#count('task.subtasks', null);
        const later = this.subtasks.filter(({ id }) => Number(id) > Number(after));
        const subtasks = later.slice(0, limit);
        return Promise.resolve({ subtasks, next: later.length > limit ? (subtasks.at(-1)?.id ?? null) : null });
      },
      'node.list': async () => Promise.resolve({ nodes: [] }),
      'type.list': async ({ type }) =>
        Promise.resolve({
          types: ['toy', 'other']
            .filter((name) => type === undefined || name === type)
            .map((name) => ({
              type: name,
              version: '1.0.0',
              description: '',
              contract: 1,
              steps: [],
              hooks: [],
              defaults: {},
              schema: {},
              nodes: [],
            })),
        }),
    };
  }
}
