import { LongshoreError, nodeId, taskId, toErrorData, type ErrorData } from '@longshore/core';
import { faultPoint } from '@longshore/faults';
import type { TaskHint } from '@longshore/protocol';
import { claimUnlocked, readTaskForRunner, type SubtaskAttempt, type Store } from '@longshore/store';
import type { Bus } from '@longshore/bus';
import type { FailureLog } from '@longshore/service';
import type { Logger } from '@longshore/telemetry';
import { candidatesFor } from '../claiming/candidates.ts';
import type { NodeGuard } from '../guard/node-guard.ts';
import type { AttemptSpans } from '../hosting/attempt-spans.ts';
import type { RunStarter } from '../hosting/start-runs.ts';
import type { TaskHost } from '../hosting/task-host.ts';
import type { TaskHosts } from '../hosting/task-hosts.ts';
import type { SettlementQueue } from '../settling/settlement-queue.ts';
import { attemptProgressOf } from '../settling/attempt-progress.ts';
import { saveInHalves } from '../settling/save-in-halves.ts';
import type { Effect } from './effects.ts';
import type { NodeEvent } from './events.ts';
import type { ExecutorMetrics } from './executor-metrics.ts';
import type { Membership } from './membership.ts';

/** What effects reach: the store, the bus, runners. */
export interface Outside {
  readonly store: Store;
  readonly bus: Bus;
  readonly logger: Logger;
  readonly membership: Pick<Membership, 'identity'>;
  readonly hosts: TaskHosts;
  readonly starter: RunStarter;
  readonly queue: SettlementQueue;
  readonly spans: AttemptSpans;
  readonly guard: Pick<NodeGuard, 'held' | 'released'>;
  readonly metrics: ExecutorMetrics;
  readonly savingProgress: FailureLog;
  /** What slots buy, in bytes. */
  readonly memoryOf: (slots: number) => number;
  /** How long a hook that was asked to stop has until its runner is ended, in milliseconds. */
  readonly abortGraceMs: number;
  readonly tell: (event: NodeEvent) => void;
  /** Looks for work: now, a little later, or with the next look at what tasks want. */
  readonly look: (when: 'now' | 'later' | 'states') => void;
  readonly claimingOver: (claimed: number, error: unknown) => void;
  readonly idle: () => void;
}

/**
 * How long a claim waits for the runner of one of its tasks, in milliseconds. A warm runner comes in a few and a cold one mostly in less, and a claim
 * without it needs another look.
 */
const OPENING_PATIENCE_MS = 1_000;

/** Carries out an effect. What comes of it later is told as an event; nothing is thrown. */
export function carryOut(effect: Effect, outside: Outside): void {
  const { bus, hosts, starter, queue, spans, metrics, tell, logger } = outside;
  switch (effect.do) {
    case 'claim':
      void claim(effect, outside);
      return;
    case 'claiming-over':
      outside.claimingOver(effect.claimed, effect.error);
      return;
    case 'read-task':
      void hosts.read(effect.taskId).then(
        (task) => tell({ kind: 'task-read', taskId: effect.taskId, task, at: performance.now() }),
        (error: unknown) => notOpened(effect.taskId, error, outside),
      );
      return;
    case 'take-runner':
      void hosts.take(effect.task).then(
        (runnerSlots) => tell({ kind: 'runner-taken', task: effect.task, runnerSlots, at: performance.now() }),
        (error: unknown) => notOpened(effect.task.id, error, outside),
      );
      return;
    case 'await-opening': {
      const { taskId, opening } = effect;
      setTimeout(
        () => tell({ kind: 'opening-slow', taskId, opening, at: performance.now() }),
        OPENING_PATIENCE_MS,
      ).unref();
      return;
    }
    case 'check-runner':
      hosts.get(effect.taskId)?.runner.check();
      return;
    case 'move-runner':
      hosts.move(effect.from, effect.task);
      return;
    case 'give-back-runner':
      void hosts
        .giveBack(effect.task)
        .catch((error: unknown) => logger.warn({ error, task_id: effect.task.id }, 'a runner was not given back'));
      return;
    case 'start-alone':
      void startAlone(effect, outside);
      return;
    case 'end-alone':
      void hosts.of(effect.run)?.runner.terminate();
      return;
    case 'end-runner':
      void hosts.get(effect.taskId)?.runner.terminate();
      return;
    case 'prepare-control':
      void prepareControl(effect, outside);
      return;
    case 'start-control':
      starter.startControl(hostOf(effect.task.id, hosts), effect.run, effect.task);
      return;
    case 'start-lane':
      // Before any of them begins.
      for (const { claimed } of effect.runs) if (!claimed.isIdempotent) outside.guard.held(claimed.id);
      starter.startLane(hostOf(effect.task.id, hosts), effect.lane, effect.runs, effect.task);
      return;
    case 'take-back':
      tell({ kind: 'took-back', lane: effect.lane, ids: starter.takeBack(effect.lane) });
      return;
    case 'abort':
      abort(effect, outside);
      return;
    case 'settle':
      queue.add(effect.settlements);
      return;
    case 'tell-ends':
      for (const { run, settlement, time } of effect.ended) {
        const { id, kind } = run.claimed;
        if (!run.claimed.isIdempotent) outside.guard.released(id);
        if (run.isAlone) void hosts.endAlone(id);
        spans.ended(id, settlement === null, time);
        metrics.counted(run, effect.task.type);
        metrics.ended(effect.task.type, kind, time?.ranMs ?? effect.at - run.startedAt, settlement);
        if (run.lane?.isTurn === true && run.lane.open === 0) starter.over(run.lane);
      }
      return;
    case 'tell-counts':
      for (const run of effect.runs) metrics.counted(run, effect.type);
      return;
    case 'tell-handed-back':
      if (effect.task === null) return;
      for (const { claimed, identity } of effect.runs) spans.handedBack(effect.task, claimed, identity.id);
      return;
    case 'announce':
      announce(effect, outside);
      return;
    case 'wake-owner':
      bus.publish(bus.subjects.wakeOwner, {});
      return;
    case 'wake-node':
      bus.publish(bus.subjects.wakeNode(nodeId(effect.nodeId)), { tasks: [effect.taskId] });
      return;
    case 'look':
      outside.look(effect.when);
      return;
    case 'save-progress':
      void save(effect, outside);
      return;
    case 'read-change':
      void readTaskForRunner(outside.store.db, effect.taskId).then(
        (fresh) => tell({ kind: 'change-read', taskId: effect.taskId, fresh }),
        (error: unknown) => {
          logger.warn({ error, task_id: effect.taskId }, 'a change of a task could not be read');
          tell({ kind: 'change-read', taskId: effect.taskId, fresh: null });
        },
      );
      return;
    case 'tell-task':
      void tellTask(effect, outside);
      return;
    case 'tell-slots':
      void tellSlots(effect, outside);
      return;
    case 'free-unknown':
      effect.answer(effect.unknown);
      return;
    case 'idle':
      outside.idle();
      return;
    case 'log':
      logger[effect.level](effect.fields, effect.message);
      return;
    case 'again':
      tell(effect.event);
  }
}

type Of<D extends Effect['do']> = Extract<Effect, { readonly do: D }>;

async function claim({ claim: made }: Of<'claim'>, { store, membership, tell }: Outside): Promise<void> {
  const { identity } = membership;
  try {
    await faultPoint('claim.before');
    const rows = await claimUnlocked(store.db, identity, made.requests, made.controls, made.hinted);
    if (rows.length > 0) await faultPoint('claim.after-commit');
    tell({ kind: 'claimed', claim: made, rows, identity, at: performance.now() });
  } catch (error) {
    tell({ kind: 'claim-failed', claim: made, error });
  }
}

function announce({ taskId: id, what, summary }: Of<'announce'>, { bus }: Outside): void {
  const hint: TaskHint = { kind: what, ...(summary !== undefined && { summary }) };
  bus.publish(bus.subjects.taskEvents(taskId(id)), hint);
}

function notOpened(id: string, error: unknown, { logger, tell }: Outside): void {
  logger.error({ error, task_id: id }, 'no runner could be started');
  tell({ kind: 'not-opened', taskId: id, error: toErrorData(error), at: performance.now() });
}

async function prepareControl({ run, task }: Of<'prepare-control'>, outside: Outside): Promise<void> {
  const { store, hosts, tell } = outside;
  try {
    const { runner } = hostOf(task.id, hosts);
    const candidates = await candidatesFor(store.db, run.claimed.kind, { task, runner });
    tell({ kind: 'control-ready', run, candidates, at: performance.now() });
  } catch (error) {
    tell({ kind: 'control-failed', run, error: toErrorData(error) });
  }
}

function abort({ run, reason }: Of<'abort'>, { hosts, abortGraceMs, tell }: Outside): void {
  const host = hosts.of(run);
  host?.throttle.leave(run.claimed.id);
  host?.runner.abort(run.claimed.id, reason);
  setTimeout(() => tell({ kind: 'grace-over', run }), abortGraceMs).unref();
}

async function startAlone({ run, task }: Of<'start-alone'>, { hosts, starter, logger, tell }: Outside): Promise<void> {
  const { id, taskId: ofTask, attempt } = run.claimed;
  const over = (error: ErrorData): void => {
    const settled = { ok: false, error, stopped: run.stopping, rows: 0, bytes: 0 } as const;
    const end = { runId: id, settled, time: null, planned: null, chance: Math.random() };
    tell({ kind: 'ended', taskId: ofTask, ends: [end], hooks: [], mayClaim: false, at: performance.now() });
  };
  try {
    logger.warn(
      { task_id: ofTask, subtask_id: id, attempt },
      'a subtask runs in a process of its own: executors crashed while it ran',
    );
    const host = await hosts.takeAlone(task, id);
    if (run.stopping === null) starter.startAlone(host, run, task);
    else over({ code: 'SUBTASK_FAILED', message: 'it was stopped before it began', permanent: false });
  } catch (error) {
    over(toErrorData(error));
  }
}

async function save({ runs }: Of<'save-progress'>, outside: Outside): Promise<void> {
  const { store, membership, logger, savingProgress, tell } = outside;
  try {
    const now = performance.now();
    const progress = runs.map((run) => attemptProgressOf(run, now));
    const refused = ({ id }: SubtaskAttempt, error: unknown): void =>
      logger.warn({ error, subtask_id: id }, 'the progress of a subtask was refused');
    const lost = new Set(await saveInHalves(store, membership.identity, progress, refused));
    savingProgress.worked();
    tell({ kind: 'progress-saved', runs, lost });
  } catch (error) {
    savingProgress.failed(error);
  }
}

async function tellTask({ fresh, isNewMeta }: Of<'tell-task'>, { hosts, tell }: Outside): Promise<void> {
  const told = (error: unknown): void => tell({ kind: 'task-told', taskId: fresh.id, error, at: performance.now() });
  try {
    const isThrottled = fresh.throttle !== null || fresh.gates.length > 0;
    hostOf(fresh.id, hosts).throttle.update(fresh.throttle ?? {});
    const change = { taskId: fresh.id, isThrottled, ...(isNewMeta ? { meta: fresh.meta } : {}) };
    await Promise.all(hosts.all(fresh.id).map(({ runner }) => runner.modify(change)));
    told(null);
  } catch (error) {
    told(error);
  }
}

async function tellSlots({ taskId: id, resize }: Of<'tell-slots'>, { hosts, memoryOf, tell }: Outside): Promise<void> {
  const told = (isConformed: boolean, error: unknown): void =>
    tell({ kind: 'slots-told', taskId: id, resize, isConformed, error, at: performance.now() });
  try {
    const { step, wanted: slots } = resize;
    const resource = { step, slots, memoryBytes: memoryOf(slots) };
    const answers = await Promise.all(hosts.all(id).map(({ runner }) => runner.modify({ taskId: id, resource })));
    told(answers.every(Boolean), null);
  } catch (error) {
    told(false, error);
  }
}

function hostOf(id: string, hosts: TaskHosts): TaskHost {
  const host = hosts.get(id);
  if (host === undefined) throw new LongshoreError('INTERNAL', `task ${id} has no runner here`);
  return host;
}
