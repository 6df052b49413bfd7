import { isPlannedKind } from '@longshore/core';
import type { ClaimedSubtask, NodeIdentity, Settlement } from '@longshore/store';
import type { Lane } from './lane.ts';
import { newRun, type Run } from './run.ts';
import { moveRun } from './run-states.ts';

/** Runs of one task by where they are. Each is in one of them. */
interface TaskRuns {
  /** Work that is claimed and has not started, in order. */
  readonly claimed: Run[];
  /** Control subtasks that have not started. */
  readonly controls: Set<Run>;
  /** What its runner has, by subtask id. */
  readonly live: Map<string, Run>;
}

const NONE: TaskRuns = { claimed: [], controls: new Set(), live: new Map() };

/**
 * All that this node has claimed, each row from its claim until its end is written. Whatever the node knows of itself is read here: what
 * runs, what waits, what the store must not free. Runs move from one state to the next here alone.
 *
 * A subtask may be here twice for a while, when this node was declared dead and has claimed it anew before its older attempt came to
 * its end. Then the newer one waits for that.
 */
export class Runs {
  readonly #byTask = new Map<string, TaskRuns>();
  /** What is over, by the end that is to be written. */
  readonly #ended = new Map<Settlement, Run>();

  /** Takes over a row that a claim has brought. */
  add(claimed: ClaimedSubtask, identity: NodeIdentity): Run {
    const run = newRun(claimed, identity);
    moveRun(run, 'claimed');
    const ofTask = this.#open(claimed.taskId);
    if (isPlannedKind(claimed.kind)) ofTask.claimed.push(run);
    else ofTask.controls.add(run);
    return run;
  }

  /** Tasks that anything is here of. */
  tasks(): readonly string[] {
    return [...this.#byTask.keys()];
  }

  /** What a task's runner has, by subtask id. */
  liveOf(taskId: string): ReadonlyMap<string, Run> {
    return this.#of(taskId).live;
  }

  /** How many work subtasks of a task are claimed and have not started. */
  claimedOf(taskId: string): number {
    return this.#of(taskId).claimed.length;
  }

  /** The work subtask of a task that starts next. */
  nextOf(taskId: string): Run | undefined {
    return this.#of(taskId).claimed[0];
  }

  /** Control subtasks of a task that have not started. */
  controlsOf(taskId: string): ReadonlySet<Run> {
    return this.#of(taskId).controls;
  }

  /** Whether anything of a task runs here or is about to. */
  isBusy(taskId: string): boolean {
    const { claimed, controls, live } = this.#of(taskId);
    return live.size > 0 || claimed.length > 0 || controls.size > 0;
  }

  /** Whether a run is in its runner. */
  isLive(run: Run): boolean {
    return run.state === 'queued' || run.state === 'running';
  }

  /** How many are in runners. */
  get live(): number {
    let live = 0;
    for (const ofTask of this.#byTask.values()) live += ofTask.live.size;
    return live;
  }

  /** Ids of everything that this node has. */
  known(): ReadonlySet<string> {
    const known = new Set<string>();
    for (const { claimed, controls, live } of this.#byTask.values()) {
      for (const id of live.keys()) known.add(id);
      for (const run of claimed) known.add(run.claimed.id);
      for (const run of controls) known.add(run.claimed.id);
    }
    for (const run of this.#ended.values()) known.add(run.claimed.id);
    return known;
  }

  /**
   * Takes so many of a task's next work subtasks, fewer where an older attempt of one still runs here. One that is suspected of crashes is
   * taken by itself: when its process ends, what had begun must be known.
   */
  takeNext(taskId: string, count: number): readonly Run[] {
    const { claimed, live } = this.#of(taskId);
    const suspect = claimed.slice(0, count).findIndex((run) => run.claimed.crashes !== null);
    const next = claimed.splice(0, suspect === -1 ? count : Math.max(1, suspect));
    const waiting = next.filter((run) => live.has(run.claimed.id));
    if (waiting.length === 0) return next;
    claimed.push(...waiting);
    return next.filter((run) => !live.has(run.claimed.id));
  }

  /** Starts work that {@link takeNext} has taken, in a lane. */
  startWork(run: Run, lane: Lane, at: number): void {
    moveRun(run, lane.isTurn ? 'queued' : 'running');
    run.lane = lane;
    this.#enter(run, at);
  }

  /** Starts a control subtask. */
  startControl(run: Run, at: number): void {
    moveRun(run, 'running');
    this.#open(run.claimed.taskId).controls.delete(run);
    this.#enter(run, at);
  }

  /** What of a turn had not begun is claimed again, as the next of its task; the rest has begun. @returns how many were taken back. */
  takeBack(lane: Lane, ids: ReadonlySet<string>): number {
    const { claimed, live } = this.#open(lane.taskId);
    const back: Run[] = [];
    for (const run of live.values()) {
      if (run.lane !== lane || run.state !== 'queued') continue;
      if (!ids.has(run.claimed.id)) moveRun(run, 'running');
      else back.push(run);
    }
    for (const run of back) {
      moveRun(run, 'claimed');
      live.delete(run.claimed.id);
      run.lane = null;
      run.overdue = null;
    }
    claimed.unshift(...back);
    return back.length;
  }

  /**
   * What of a task has not started is over.
   *
   * @param which its work, or its control subtasks too.
   * @param endOf what is written for each.
   */
  endUnstarted(taskId: string, which: 'work' | 'all', endOf: (run: Run) => Settlement): readonly Run[] {
    const { claimed, controls } = this.#of(taskId);
    const runs = which === 'all' ? [...claimed.splice(0), ...controls] : claimed.splice(0);
    if (which === 'all' && controls.size > 0) controls.clear();
    for (const run of runs) this.#ends(run, endOf(run));
    this.#close(taskId);
    return runs;
  }

  /** A run is over, or a control subtask that could not start. @param settlement null: nothing is written, somebody else has it. */
  end(run: Run, settlement: Settlement | null): void {
    const { taskId, id } = run.claimed;
    const ofTask = this.#of(taskId);
    if (this.isLive(run)) ofTask.live.delete(id);
    else ofTask.controls.delete(run);
    this.#ends(run, settlement);
    this.#close(taskId);
  }

  /** An end is written, or was refused, or was given up: the node has its run no longer. */
  settled(settlement: Settlement): Run | undefined {
    const run = this.#ended.get(settlement);
    if (run === undefined) return undefined;
    this.#ended.delete(settlement);
    moveRun(run, 'settled');
    return run;
  }

  #ends(run: Run, settlement: Settlement | null): void {
    moveRun(run, 'ended');
    if (settlement === null) moveRun(run, 'settled');
    else this.#ended.set(settlement, run);
  }

  #enter(run: Run, at: number): void {
    run.startedAt = at;
    run.aliveAt = at;
    this.#open(run.claimed.taskId).live.set(run.claimed.id, run);
  }

  #of(taskId: string): TaskRuns {
    return this.#byTask.get(taskId) ?? NONE;
  }

  #open(taskId: string): TaskRuns {
    let ofTask = this.#byTask.get(taskId);
    if (ofTask === undefined) {
      ofTask = { claimed: [], controls: new Set(), live: new Map() };
      this.#byTask.set(taskId, ofTask);
    }
    return ofTask;
  }

  #close(taskId: string): void {
    if (!this.isBusy(taskId)) this.#byTask.delete(taskId);
  }
}
