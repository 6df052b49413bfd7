import type { ErrorData } from '@longshore/core';
import { schedulingRounds } from '@longshore/owner/internal';
import {
  electLeader,
  migrateStore,
  openStore,
  ownerWrites,
  registerNode,
  registerType,
  type LeaderLease,
  type LeaseName,
  type Store,
} from '@longshore/store';
import pg from 'pg';
import { Invariants } from './invariants.ts';
import { JOURNAL_SQL } from './journal.ts';
import { SimExecutor, type RunWatcher, type SimRun } from './sim-executor.ts';
import { TOY_TYPES } from './toy-types.ts';

/** Longer than any run: no lease ends by itself. */
const LONG_MS = 3_600_000;

/** How many tasks are scheduled at once: few enough that some wait for the limit. */
const MAX_SCHEDULED_TASKS = 4;

/** A replica of the owner, which leads or believes so. */
export interface OwnerReplica {
  readonly lease: LeaderLease;
  readonly pass: ReturnType<typeof schedulingRounds>;
}

/** A migrated database that is emptied for each run. */
export interface Ground {
  readonly store: Store;
  readonly session: pg.Pool;
  close(): Promise<void>;
}

/** Opens a database that was created for it, and adds the journal. */
export async function openGround(url: string): Promise<Ground> {
  await migrateStore(url);
  const session = new pg.Pool({ connectionString: url, options: '-c search_path=longshore', max: 4 });
  // The server is stopped with its sessions.
  session.on('error', () => undefined);
  session.on('connect', (client) => client.on('error', () => undefined));
  await session.query(JOURNAL_SQL);
  const store = openStore({ url, applicationName: 'model' });
  return {
    store,
    session,
    close: async () => {
      await session.end();
      await store.close();
    },
  };
}

/**
 * A cluster with the real store, the real owner's passes and simulated executors. What it knows of who runs what is the model; `look` compares
 * it with the store.
 */
export class World implements RunWatcher {
  readonly store: Store;
  readonly session: pg.Pool;
  /** Ids of the submitted tasks. */
  readonly tasks: string[] = [];
  /** Nodes whose executor is up, or believes so, by name. */
  readonly nodes = new Map<string, SimExecutor>();
  /** Executors that were replaced or declared dead, and go on with what they ran. */
  readonly zombies: SimExecutor[] = [];
  readonly owners: OwnerReplica[] = [];
  readonly balancer: LeaderLease;
  readonly manager: LeaderLease;
  /** Whether commands run at the same time: what a command changed can't be told from what others did then. */
  isRacing = false;
  readonly #invariants: Invariants;

  private constructor(ground: Ground, balancer: LeaderLease, manager: LeaderLease) {
    this.store = ground.store;
    this.session = ground.session;
    this.balancer = balancer;
    this.manager = manager;
    this.#invariants = new Invariants(ground.session);
  }

  /** Two nodes and a leading owner in an empty database. */
  static async create(ground: Ground): Promise<World> {
    const { session, store } = ground;
    await session.query(
      `TRUNCATE tasks, task_history, task_keys, earlier_runs, task_steps, subtasks, subtask_history, task_events, task_budgets, task_gates,
         nodes, task_types, settings, model_journal RESTART IDENTITY`,
    );
    await session.query(`UPDATE leases SET holder = '', epoch = 0, expires_at = '-infinity'`);
    for (const type of TOY_TYPES) await registerType(store.db, type);
    const [balancer, manager] = [await elect(store, 'balancer', 'b1'), await elect(store, 'node-manager', 'm1')];
    const world = new World(ground, balancer, manager);
    await world.electOwner();
    await world.join('n1', 6);
    await world.join('n2', 8);
    return world;
  }

  /** The replica with the highest epoch: the one that the store listens to. */
  get leader(): OwnerReplica {
    const leader = this.owners.toSorted((a, b) => Number(BigInt(a.lease.epoch) - BigInt(b.lease.epoch))).at(-1);
    if (leader === undefined) throw new Error('nobody leads');
    return leader;
  }

  /** One of the submitted tasks; null: there is none. */
  taskAt(index: number): string | null {
    const id = this.tasks[index % Math.max(1, this.tasks.length)];
    return id === undefined || id === '' ? null : id;
  }

  /** Ends the leading owner's lease and elects another one. The one before goes on and believes that it leads. */
  async electOwner(): Promise<void> {
    await this.session.query(`UPDATE leases SET expires_at = '-infinity' WHERE name = 'owner'`);
    const name = `o${this.owners.length + 1}`;
    const lease = await electLeader(this.store.db, 'owner', name, LONG_MS);
    // Another one was faster.
    if (lease === null) return;
    const pass = schedulingRounds({
      db: this.store.db,
      writes: ownerWrites(this.store.db, lease, `owner ${name}`),
      logger: {
        error: (fields: unknown) => this.#invariants.blame('the owner could not move a task on', fields),
        warn: (fields: unknown) => this.#invariants.blame('the owner found a task locked', fields),
      },
      tracing: null,
      maxScheduledTasks: MAX_SCHEDULED_TASKS,
    });
    this.owners.push({ lease, pass });
  }

  /** Registers a node, or registers it anew: what its executor ran before goes on as a zombie's. */
  async join(name: string, slots: number): Promise<void> {
    const types = [...TOY_TYPES, { type: 'ghost', version: '1.0.0' }].map(({ type, version }) => ({ type, version }));
    this.lose(name);
    const identity = await registerNode(this.store.db, {
      id: name,
      scope: '',
      labels: {},
      slots,
      types,
      host: 'here',
      pid: 1,
      leaseTtlMs: LONG_MS,
    });
    const executor = new SimExecutor(this.store.db, identity, slots, this);
    const other = this.nodes.get(name);
    // Of two that registered at the same time the one with the lower epoch is none any more.
    if (other !== undefined && BigInt(other.identity.epoch) > BigInt(identity.epoch)) {
      this.zombies.push(executor);
      return;
    }
    this.lose(name);
    this.nodes.set(name, executor);
  }

  /** A node's executor is not the node's any more. Unless it was killed it doesn't know, and goes on. */
  lose(name: string): void {
    const executor = this.nodes.get(name);
    if (executor === undefined) return;
    this.zombies.push(executor);
    this.nodes.delete(name);
  }

  started(executor: SimExecutor, run: SimRun): void {
    for (const other of [...this.nodes.values(), ...this.zombies]) {
      if (other === executor || run.claimed.isIdempotent || !other.runs.has(run.claimed.id)) continue;
      this.#invariants.blame('a non-idempotent subtask runs under two holders', {
        run: run.claimed,
        by: executor.identity,
        and: other.identity,
      });
    }
    if (executor.used > executor.slots) {
      this.#invariants.blame('more slots are used than a node has', { node: executor.identity, used: executor.used });
    }
  }

  settled(executor: SimExecutor, run: SimRun, isWritten: boolean, error: ErrorData | null): void {
    if (isWritten && error?.code === 'PLAN_INVALID') {
      this.#invariants.blame('a step was planned twice', { run: run.claimed, error });
    }
    const isLive = this.nodes.get(executor.identity.id) === executor;
    if (isLive && !isWritten) {
      this.#invariants.blame('a live node lost a subtask', { run: run.claimed, node: executor.identity });
    }
  }

  /** Looks whether everything holds. @throws {Error} what doesn't, and the rows around it. */
  look(): Promise<void> {
    return this.#invariants.look(this.nodes.values());
  }

  /** Looks at what is left in history once every task is over. @throws {Error} what doesn't hold. */
  lookAtHistory(): Promise<void> {
    return this.#invariants.lookAtHistory(this.tasks);
  }
}

async function elect(store: Store, name: LeaseName, holder: string): Promise<LeaderLease> {
  const lease = await electLeader(store.db, name, holder, LONG_MS);
  if (lease === null) throw new Error(`somebody leads ${name} already`);
  return lease;
}
