import { LongshoreError } from '@longshore/core';
import { startRunner, type Runner, type RunnerSetup, type TypeDescription } from '@longshore/runner';
import type { Logger } from '@longshore/telemetry';
import { checkSchema } from './check-schema.ts';

export interface PoolOptions {
  readonly nodeId: string;
  readonly clusterId: string;
  readonly connections: Readonly<Record<string, string>>;
  /** What gates are read by. */
  readonly gateConnections: Readonly<Record<string, string>>;
  readonly settings: Readonly<Record<string, unknown>>;
  /** What a slot buys, in bytes. */
  readonly slotMemoryBytes: number;
  /** How long a revert waits for effects that are under way, in milliseconds. */
  readonly fenceGraceMs: number;
  /** Whether runners trace what they run. */
  readonly isTracing: boolean;
  readonly logger: Logger;
}

/** A runner and what it was started with, whichever task has it. */
export interface PooledRunner {
  readonly runner: Runner;
  /** The slots whose memory it has. A task of as many or fewer can run in it. */
  readonly slots: number;
}

interface LoadedPlugin {
  readonly setup: RunnerSetup;
  readonly type: TypeDescription;
}

/**
 * Runners by task type. One idle runner of each type is kept warm, the one with the most memory, so that a task's first subtask doesn't
 * wait for a thread to start and a package to load.
 */
export class RunnerPool {
  readonly #options: PoolOptions;
  readonly #plugins = new Map<string, LoadedPlugin>();
  readonly #idle = new Map<string, PooledRunner>();

  constructor(options: PoolOptions) {
    this.#options = options;
  }

  get types(): readonly TypeDescription[] {
    return [...this.#plugins.values()].map((plugin) => plugin.type);
  }

  /**
   * Loads a package in a runner of its own, which becomes the warm one.
   *
   * @throws {LongshoreError} what `startRunner` throws; PLUGIN_INVALID when another package has the same type, or owners can't use its schema.
   */
  async load(packageName: string, moduleUrl: string): Promise<void> {
    const { nodeId, clusterId, connections, gateConnections, settings, fenceGraceMs, isTracing } = this.#options;
    const ours = { nodeId, clusterId, connections, gateConnections, settings, fenceGraceMs, isTracing };
    const setup = { moduleUrl, packageName, ...ours };
    const onWarning = (message: string): void => this.#options.logger.warn({ package: packageName }, message);
    const first = await startRunner({ setup, memoryBytes: this.memoryOf(1), onWarning });
    const { type } = first;
    try {
      checkSchema(packageName, type);
    } catch (error) {
      await first.terminate();
      throw error;
    }
    if (this.#plugins.has(type.type)) {
      await first.terminate();
      throw new LongshoreError('PLUGIN_INVALID', `two packages offer the task type ${type.type}; load one of them`);
    }
    this.#plugins.set(type.type, { setup, type });
    // How much memory the warm one needs is known only now.
    const slots = type.defaults.slots ?? 1;
    if (slots > 1) await first.terminate();
    const runner = slots > 1 ? await startRunner({ setup, memoryBytes: this.memoryOf(slots) }) : first;
    this.#idle.set(type.type, { runner, slots });
  }

  /** A runner for a task of this many slots. @throws {LongshoreError} TYPE_UNKNOWN, or what starting one throws. */
  async take(type: string, slots: number): Promise<PooledRunner> {
    const plugin = this.#plugins.get(type);
    if (plugin === undefined)
      throw new LongshoreError('TYPE_UNKNOWN', `this executor has not loaded the task type ${type}`);
    const idle = this.#idle.get(type);
    if (idle?.runner.isAlive === true && idle.slots >= slots) {
      this.#idle.delete(type);
      return idle;
    }
    return { runner: await startRunner({ setup: plugin.setup, memoryBytes: this.memoryOf(slots) }), slots };
  }

  /**
   * Takes a runner back whose task is over here: kept warm if no other of its type has as much memory, ended otherwise. One that was kept
   * and has less makes room, since it would make every larger task start a new one.
   */
  async giveBack(pooled: PooledRunner): Promise<void> {
    const type = pooled.runner.type.type;
    const idle = this.#idle.get(type);
    const isUsable = pooled.runner.isAlive && pooled.runner.isReusable;
    const isKept = isUsable && (idle?.runner.isAlive !== true || idle.slots < pooled.slots);
    if (isKept) this.#idle.set(type, pooled);
    const left = isKept ? idle : pooled;
    await left?.runner.terminate();
  }

  async close(): Promise<void> {
    await Promise.all([...this.#idle.values()].map(({ runner }) => runner.terminate()));
    this.#idle.clear();
  }

  /** What the slots of a task buy, in bytes. */
  memoryOf(slots: number): number {
    return slots * this.#options.slotMemoryBytes;
  }
}
