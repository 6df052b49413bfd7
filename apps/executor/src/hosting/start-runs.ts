import { nodeId, runtimeSlotsOf, type NodeId } from '@longshore/core';
import type { RunSpec, TurnOfRuns } from '@longshore/runner';
import type { JsonValue } from '@longshore/sdk';
import type { Store, TaskForRunner } from '@longshore/store';
import type { NodeEvent } from '../node/events.ts';
import type { Lane } from '../running/lane.ts';
import type { Run } from '../running/run.ts';
import type { AttemptSpans } from './attempt-spans.ts';
import { PlanWriter } from './plan-writer.ts';
import type { TaskHost } from './task-host.ts';

export interface RunStarterOptions {
  readonly store: Store;
  readonly spans: AttemptSpans;
  /** What slots buy, in bytes. */
  readonly memoryOf: (slots: number) => number;
  readonly tell: (event: NodeEvent) => void;
}

/**
 * A turn that is not over after this gives back what it has not begun, in milliseconds: several times what it should take, so that a
 * long subtask among short ones keeps none of them waiting.
 */
const LONGEST_TURN_MS = 50;

/** Hands runs to their runners. */
export class RunStarter {
  readonly #options: RunStarterOptions;
  /** Turns that may be taken back, by their lanes. */
  readonly #turns = new Map<Lane, { readonly turn: Pick<TurnOfRuns, 'takeBack'>; readonly timer: NodeJS.Timeout }>();

  constructor(options: RunStarterOptions) {
    this.#options = options;
  }

  /** Starts a run in a process of its own. */
  startAlone(host: TaskHost, run: Run, task: TaskForRunner): void {
    if (run.lane === null) this.startControl(host, run, task);
    else this.startLane(host, run.lane, [run], task);
  }

  /** Starts a control subtask. A plan is spread over the nodes that its task has, or else over this one. */
  startControl(host: TaskHost, run: Run, task: TaskForRunner): void {
    const { claimed, identity, candidates } = run;
    const reserved = task.reservedNodes as readonly NodeId[];
    const nodes = reserved.length > 0 ? reserved : [nodeId(identity.id)];
    if (claimed.kind === 'plan') {
      host.plans.set(claimed.id, new PlanWriter(this.#options.store, identity, claimed, nodes));
    }
    const { maxSubtasksPerStep } = task;
    const spec = { ...this.#specOf(run, task, taskOf(task), nodes.length), maxSubtasksPerStep };
    host.runner.start(candidates === null ? spec : { ...spec, candidates: candidates.nodes });
  }

  /** Starts what is in a lane: one subtask, or a turn of small ones. */
  startLane(host: TaskHost, lane: Lane, runs: readonly Run[], task: TaskForRunner): void {
    // One object for all subtasks of a turn, so that it is sent once.
    const shared = taskOf(task);
    const specs = runs.map((run) => this.#specOf(run, task, shared, 0));
    if (lane.isTurn) {
      const turn = host.runner.startTurn(specs);
      const overdue = (): void => this.#options.tell({ kind: 'turn-overdue', lane, at: performance.now() });
      this.#turns.set(lane, { turn, timer: setTimeout(overdue, LONGEST_TURN_MS).unref() });
      return;
    }
    for (const spec of specs) host.runner.start(spec);
  }

  /** Takes back what a turn has not begun. */
  takeBack(lane: Lane): readonly string[] {
    const ids = this.#turns.get(lane)?.turn.takeBack() ?? [];
    this.over(lane);
    for (const id of ids) this.#options.spans.takenBack(id);
    return ids;
  }

  /** Nothing is in a lane any more. */
  over(lane: Lane): void {
    clearTimeout(this.#turns.get(lane)?.timer);
    this.#turns.delete(lane);
  }

  #specOf({ claimed, identity }: Run, task: TaskForRunner, shared: RunSpec['task'], nodeCount: number): RunSpec {
    const { throttle, gates, modification } = task;
    const slots = runtimeSlotsOf(task, claimed.step).slotsPerSubtask;
    return {
      runId: claimed.id,
      kind: claimed.kind,
      attempt: claimed.attempt,
      isIdempotent: claimed.isIdempotent,
      task: shared,
      step: claimed.step,
      ordinal: claimed.ordinal,
      meta: claimed.meta as JsonValue,
      checkpoint: claimed.checkpoint as JsonValue,
      ...(claimed.kept !== null && { kept: claimed.kept }),
      resource: { slots, memoryBytes: this.#options.memoryOf(slots) },
      nodeCount,
      isThrottled: throttle !== null || gates.length > 0,
      gates: claimed.kind === 'gates' ? gates : [],
      changes: claimed.kind === 'modify' ? (modification?.changes.meta ?? {}) : undefined,
      trace: this.#options.spans.started(task, claimed, identity.id),
    };
  }
}

/** A task as its hooks see it. */
function taskOf({ id, key, run = 1, type, typeVersion, meta, step, slots }: TaskForRunner): RunSpec['task'] {
  return { id, key, run, type, typeVersion, meta, step, slots };
}
