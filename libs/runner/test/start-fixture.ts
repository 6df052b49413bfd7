import { onTestFinished } from 'vitest';
import {
  startRunner,
  type ProcessWatch,
  type Runner,
  type RunnerKind,
  type RunnerSetup,
  type RunSpec,
} from '../src/index.ts';
import { RecordingHost } from './recording-host.ts';

const MIB = 1024 * 1024;

export interface Fixture {
  readonly runner: Runner;
  readonly host: RecordingHost;
  /** Starts a work subtask that does this, in a run of its own. */
  readonly start: (does: string, changes?: Partial<RunSpec>) => string;
}

export interface FixtureOptions {
  /** File below `fixtures`. Default the task type `behaviours`. */
  readonly file?: string;
  readonly memoryMib?: number;
  readonly setup?: Partial<RunnerSetup>;
  /** The executor's settings by task type. Default: none. */
  readonly settings?: Readonly<Record<string, unknown>>;
  /** URLs by name. Default: the executor has none. */
  readonly connections?: Readonly<Record<string, string>>;
  readonly gateConnections?: Readonly<Record<string, string>>;
  readonly loadTimeoutMs?: number;
  /** Default `thread`. */
  readonly kind?: RunnerKind;
  readonly watch?: ProcessWatch;
}

/** Starts a real worker thread or process with a task type of the fixtures; it ends with the test. */
export async function startFixture(options: FixtureOptions = {}): Promise<Fixture> {
  const {
    file = 'behaviours.ts',
    memoryMib = 256,
    setup = {},
    settings = {},
    connections = {},
    gateConnections = {},
    loadTimeoutMs,
    kind,
    watch,
  } = options;
  const runner = await startRunner({
    setup: {
      moduleUrl: new URL(`./fixtures/${file}`, import.meta.url).href,
      packageName: file,
      nodeId: 'node-1',
      clusterId: 'cluster-1',
      fenceGraceMs: 1_000,
      ...setup,
    },
    settings,
    urls: { connections, gateConnections },
    memoryBytes: memoryMib * MIB,
    ...(loadTimeoutMs !== undefined && { loadTimeoutMs }),
    ...(kind !== undefined && { kind }),
    ...(watch !== undefined && { watch }),
  });
  onTestFinished(() => runner.terminate());
  const host = new RecordingHost();
  runner.host = host;
  let last = 0;
  return {
    runner,
    host,
    start: (does, changes = {}) => {
      const spec = runSpec({ runId: String((last += 1)), ordinal: last, meta: { does }, ...changes });
      runner.start(spec);
      return spec.runId;
    },
  };
}

export function runSpec(changes: Partial<RunSpec> = {}): RunSpec {
  return {
    runId: '1',
    kind: 'work',
    attempt: 1,
    task: {
      id: '10',
      key: 'nightly',
      type: 'behaviours',
      typeVersion: '1.2.3',
      meta: {},
      step: 'work',
      slots: 2,
    },
    isThrottled: false,
    gates: [],
    step: 'work',
    ordinal: 1,
    meta: { does: 'nothing' },
    checkpoint: null,
    resource: { slots: 2, memoryBytes: 256 * MIB },
    nodeCount: 3,
    ...changes,
  };
}

/** A task like the one of every run, with another meta. */
export function taskOf(changes: Partial<RunSpec['task']>): RunSpec['task'] {
  return { ...runSpec().task, ...changes };
}
