import type { ChildExit, ChildProcessHandle } from '../children/child-process-handle.ts';
import { startChild } from '../children/start-child.ts';
import { embeddedErrorCodes, EmbeddedError } from '../errors.ts';
import type { ClusterAddresses, LocalClusterOptions } from './local-cluster-options.ts';
import { environmentOf, type PlannedProcess } from './planned-process.ts';

/** The service processes of a cluster, by name. */
export class ClusterProcesses {
  readonly #addresses: ClusterAddresses;
  readonly #options: LocalClusterOptions;
  readonly #plans = new Map<string, PlannedProcess>();
  readonly #handles = new Map<string, ChildProcessHandle>();
  /** Starts under way: `stopAll` ends and awaits them. */
  readonly #starting = new Set<Promise<unknown>>();
  readonly #stopping = new AbortController();
  /** Processes that were asked to stop, so that their end is no surprise. */
  readonly #stopped = new WeakSet<ChildProcessHandle>();

  constructor(addresses: ClusterAddresses, options: LocalClusterOptions) {
    this.#addresses = addresses;
    this.#options = options;
  }

  get handles(): ReadonlyMap<string, ChildProcessHandle> {
    return this.#handles;
  }

  /**
   * Starts all of them at the same time. When one fails, the others are stopped and the first failure is thrown.
   */
  async startAll(plans: readonly PlannedProcess[]): Promise<void> {
    const failures: unknown[] = [];
    const starts = plans.map((plan) =>
      this.start(plan).catch((error: unknown) => {
        failures.push(error);
        this.#stopping.abort(stoppedError());
      }),
    );
    await Promise.all(starts);
    if (failures.length > 0) throw failures[0];
    // The order of the plan, whoever was ready first.
    for (const { name } of plans) {
      const handle = this.get(name);
      this.#handles.delete(name);
      this.#handles.set(name, handle);
    }
  }

  async start(plan: PlannedProcess): Promise<ChildProcessHandle> {
    this.#stopping.signal.throwIfAborted();
    this.#plans.set(plan.name, plan);
    const starting = this.#startChild(plan);
    const settled = starting.catch(() => undefined);
    this.#starting.add(settled);
    try {
      return await starting;
    } finally {
      this.#starting.delete(settled);
    }
  }

  async restart(name: string): Promise<void> {
    const plan = this.#plans.get(name);
    if (plan === undefined) throw unknownProcess(name, [...this.#plans.keys()]);
    this.#stopping.signal.throwIfAborted();
    const running = this.#handles.get(name);
    if (running !== undefined) await this.#stop(running);
    await this.start(plan);
  }

  get(name: string): ChildProcessHandle {
    const handle = this.#handles.get(name);
    if (handle === undefined) throw unknownProcess(name, [...this.#handles.keys()]);
    return handle;
  }

  /** Executors first, while the services they report to are still there. */
  async stopAll(): Promise<void> {
    this.#stopping.abort(stoppedError());
    await Promise.all(this.#starting);
    const isExecutor = ({ name }: ChildProcessHandle) => this.#plans.get(name)?.isExecutor === true;
    const handles = [...this.#handles.values()];
    await Promise.all(handles.filter((each) => isExecutor(each)).map((each) => this.#stop(each)));
    await Promise.all(handles.filter((each) => !isExecutor(each)).map((each) => this.#stop(each)));
  }

  async #startChild(plan: PlannedProcess): Promise<ChildProcessHandle> {
    const { onLine, onUnexpectedExit, readyTimeoutMs, signal } = this.#options;
    const { name, service } = plan;
    const signals = [this.#stopping.signal, ...(signal === undefined ? [] : [signal])];
    const handle = await startChild({
      name,
      entry: service.entry,
      env: environmentOf(plan, this.#addresses, this.#options.env),
      signal: AbortSignal.any(signals),
      ...(service.args !== undefined && { args: service.args }),
      ...(service.nodeArgs !== undefined && { nodeArgs: service.nodeArgs }),
      ...(readyTimeoutMs !== undefined && { readyTimeoutMs }),
      ...(onLine !== undefined && { onLine: (line, stream) => onLine(name, line, stream) }),
    });
    this.#handles.set(name, handle);
    void handle.exited.then((exit: ChildExit) => {
      if (!this.#stopped.has(handle)) onUnexpectedExit?.(name, exit);
    });
    return handle;
  }

  #stop(handle: ChildProcessHandle): Promise<ChildExit> {
    this.#stopped.add(handle);
    return handle.stop(this.#options.stopGraceMs);
  }
}

export function stoppedError(): EmbeddedError {
  return new EmbeddedError(embeddedErrorCodes.clusterStopped, 'The local cluster is stopped; start a new one.', {
    permanent: true,
  });
}

export function unknownProcess(name: string, known: readonly string[]): EmbeddedError {
  return new EmbeddedError(
    embeddedErrorCodes.unknownProcess,
    `There is no ${name} in the local cluster; it has ${known.length === 0 ? 'no processes' : known.join(', ')}.`,
    { permanent: true },
  );
}
