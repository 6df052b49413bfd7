import { hasCode, LongshoreError } from '@longshore/core';
import {
  startRunner,
  type ProcessWatch,
  type Runner,
  type RunnerKind,
  type RunnerSetup,
  type TypeDescription,
} from '@longshore/runner';
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
  /** Told of processes that runners live in. */
  readonly watch: ProcessWatch;
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
 * wait for a thread or a process to start and a package to load.
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
    const { nodeId, clusterId, fenceGraceMs, isTracing } = this.#options;
    const ours = { nodeId, clusterId, fenceGraceMs, isTracing };
    const setup = { moduleUrl, packageName, ...ours };
    const first = await this.#startFirst(setup);
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
    const plugin = { setup, type };
    this.#plugins.set(type.type, plugin);
    // What the warm one lives in, and how much memory it needs, is known only now.
    const slots = type.defaults.slots ?? 1;
    const isFit = slots <= 1 && first.kind === type.runner;
    if (!isFit) await first.terminate();
    const runner = isFit ? first : await this.#start(plugin, type.runner, slots);
    this.#idle.set(type.type, { runner, slots });
  }

  /** A runner for a task of this many slots. @throws {LongshoreError} TYPE_UNKNOWN, or what starting one throws. */
  async take(type: string, slots: number): Promise<PooledRunner> {
    const plugin = this.#pluginOf(type);
    const idle = this.#idle.get(type);
    if (idle?.runner.isAlive === true && idle.slots >= slots) {
      this.#idle.delete(type);
      return idle;
    }
    return { runner: await this.#start(plugin, plugin.type.runner, slots), slots };
  }

  /** A process for a single run, whatever its type asks for. It is never given back. @throws {LongshoreError} as {@link take}. */
  async startAlone(type: string, slots: number): Promise<PooledRunner> {
    return { runner: await this.#start(this.#pluginOf(type), 'process', slots), slots };
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

  /** Loads a package whose type is not known yet. Native code that no thread can load may ask for a process. */
  async #startFirst(setup: RunnerSetup): Promise<Runner> {
    const { logger, settings, watch } = this.#options;
    const onWarning = (message: string): void => logger.warn({ package: setup.packageName }, message);
    const options = { setup, settings, urls: this.#options, memoryBytes: this.memoryOf(1), onWarning, watch };
    try {
      return await startRunner(options);
    } catch (error) {
      if (!hasCode(error, 'PLUGIN_LOAD_FAILED')) throw error;
      const runner = await startRunner({ ...options, kind: 'process' }).catch(() => null);
      if (runner?.type.runner === 'process') return runner;
      await runner?.terminate();
      throw error;
    }
  }

  #pluginOf(type: string): LoadedPlugin {
    const plugin = this.#plugins.get(type);
    if (plugin !== undefined) return plugin;
    throw new LongshoreError('TYPE_UNKNOWN', `this executor has not loaded the task type ${type}`);
  }

  #start({ setup }: LoadedPlugin, kind: RunnerKind, slots: number): Promise<Runner> {
    const { settings, watch } = this.#options;
    return startRunner({ setup, settings, urls: this.#options, kind, memoryBytes: this.memoryOf(slots), watch });
  }

  /** What the slots of a task buy, in bytes. */
  memoryOf(slots: number): number {
    return slots * this.#options.slotMemoryBytes;
  }
}
