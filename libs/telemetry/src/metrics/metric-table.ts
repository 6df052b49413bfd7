/** One metric: a line of the documented table, and what its instrument is made from. */
export interface MetricInfo {
  /** Its name in OTLP. Prometheus has `_` for `.`, and the unit and `_total` behind it. */
  readonly name: string;
  readonly type: 'counter' | 'gauge' | 'histogram';
  /** UCUM: `s`, `By`, or `{things}`. */
  readonly unit: string;
  readonly by: string;
  readonly help: string;
  /** Each of few values: never the id of a task. */
  readonly labels: readonly string[];
  /** Upper bounds of a histogram's buckets. */
  readonly buckets?: readonly number[];
}

/** Every metric that Longshore makes itself. */
export const METRICS = {
  tasks: {
    name: 'longshore.tasks',
    type: 'gauge',
    unit: '{task}',
    by: 'owner (the leading one)',
    help: 'Tasks that have not left for history.',
    labels: ['state', 'type'],
  },
  waitingTasks: {
    name: 'longshore.waiting.tasks',
    type: 'gauge',
    unit: '{task}',
    by: 'owner (the leading one)',
    help: 'Tasks that wait, by the code of their reason.',
    labels: ['reason'],
  },
  longestWait: {
    name: 'longshore.waiting.longest',
    type: 'gauge',
    unit: 's',
    by: 'owner (the leading one)',
    help: 'How long the task has waited that waits longest, by the code of its reason.',
    labels: ['reason'],
  },
  oldestPending: {
    name: 'longshore.pending.oldest',
    type: 'gauge',
    unit: 's',
    by: 'owner (the leading one)',
    help: 'Age of the oldest task that has not begun; 0: there is none.',
    labels: [],
  },
  nodes: {
    name: 'longshore.nodes',
    type: 'gauge',
    unit: '{node}',
    by: 'owner (the leading one)',
    help: 'Nodes by state.',
    labels: ['state'],
  },
  leader: {
    name: 'longshore.leader',
    type: 'gauge',
    unit: '{leader}',
    by: 'owner, node-manager, balancer',
    help: '1 while this process leads, 0 while it stands by.',
    labels: ['lease'],
  },
  storeConnected: {
    name: 'longshore.store.connected',
    type: 'gauge',
    unit: '{connection}',
    by: 'all',
    help: '1 while the store answers, 0 while it is away.',
    labels: [],
  },
  natsConnected: {
    name: 'longshore.nats.connected',
    type: 'gauge',
    unit: '{connection}',
    by: 'all',
    help: '1 while there is a connection to NATS, 0 while there is none.',
    labels: [],
  },
  targetWaits: {
    name: 'longshore.target.waits',
    type: 'counter',
    unit: '{wait}',
    by: 'executor',
    help: 'Attempts that ended because a target was away, and are tried again later (`TARGET_UNAVAILABLE`).',
    labels: ['type'],
  },
  subtaskDuration: {
    name: 'longshore.subtask.duration',
    type: 'histogram',
    unit: 's',
    by: 'executor',
    help: 'How long attempts of subtasks and hooks ran.',
    labels: ['type', 'kind', 'outcome'],
    buckets: [0.001, 0.005, 0.025, 0.1, 0.5, 2.5, 10, 60, 300, 1_800],
  },
  subtaskRetries: {
    name: 'longshore.subtask.retries',
    type: 'counter',
    unit: '{retry}',
    by: 'executor',
    help: 'Attempts that failed and are tried again.',
    labels: ['type'],
  },
  subtaskCounters: {
    name: 'longshore.subtask.counters',
    type: 'counter',
    unit: '{count}',
    by: 'executor',
    help: "What subtasks have counted while they ran: the counters of their type's `realtimeSummary`.",
    labels: ['type', 'step', 'counter'],
  },
  tickFailures: {
    name: 'longshore.tick.failures',
    type: 'counter',
    unit: '{call}',
    by: 'executor',
    help: 'Calls of `onTick` that failed and were followed by the next one.',
    labels: ['type'],
  },
  lateWrites: {
    name: 'longshore.late_writes',
    type: 'counter',
    unit: '{write}',
    by: 'executor',
    help: 'Ends of attempts that the store refused, because the subtask had another holder by then.',
    labels: [],
  },
  slots: {
    name: 'longshore.slots',
    type: 'gauge',
    unit: '{slot}',
    by: 'executor',
    help: 'Slots of the node, `used` and `free`.',
    labels: ['state'],
  },
  leaseLosses: {
    name: 'longshore.lease.losses',
    type: 'counter',
    unit: '{loss}',
    by: 'all',
    help: "Leases that were lost or ran out: a node's (`node`), or a leader's (its name).",
    labels: ['lease'],
  },
  freedSubtasks: {
    name: 'longshore.subtask.freed',
    type: 'counter',
    unit: '{subtask}',
    by: 'node-manager (the leading one)',
    help: 'Subtasks that were freed from dead nodes.',
    labels: ['type'],
  },
  skippedSubtasks: {
    name: 'longshore.subtask.skipped',
    type: 'counter',
    unit: '{subtask}',
    by: 'owner',
    help: 'Subtasks that a person decided to continue without (`task skip`). They count as done, and nothing of them was done.',
    labels: ['type'],
  },
  droppedHints: {
    name: 'longshore.hints.dropped',
    type: 'counter',
    unit: '{hint}',
    by: 'all',
    help: "Messages on a subject of hints that are none: whoever sends them is no service of this cluster's version.",
    labels: [],
  },
  droppedSpans: {
    name: 'longshore.spans.dropped',
    type: 'counter',
    unit: '{span}',
    by: 'all',
    help: 'Spans that were not exported.',
    labels: [],
  },
  unhandledErrors: {
    name: 'longshore.unhandled_errors',
    type: 'counter',
    unit: '{error}',
    by: 'all',
    help: 'Errors that nobody handled (`uncaughtException`, `unhandledRejection`). The service stops after the first one, with exit code 70.',
    labels: ['origin'],
  },
} as const satisfies Record<string, MetricInfo>;

/** Metrics of Node itself that are exported by OTLP too, by their names for Prometheus. */
export const NODE_METRICS: Readonly<Record<string, MetricInfo>> = {
  ...Object.fromEntries(
    ['min', 'max', 'mean', 'stddev', 'p50', 'p90', 'p99'].map((part): [string, MetricInfo] => [
      `nodejs_eventloop_lag_${part}_seconds`,
      {
        name: `nodejs.eventloop.delay.${part}`,
        type: 'gauge',
        unit: 's',
        by: 'all',
        help: 'Delay of the event loop since the last look (semantic conventions).',
        labels: [],
      },
    ]),
  ),
  process_cpu_seconds_total: {
    name: 'process.cpu.time',
    type: 'counter',
    unit: 's',
    by: 'all',
    help: 'CPU time of the process, worker threads included (semantic conventions).',
    labels: [],
  },
  process_resident_memory_bytes: {
    name: 'process.memory.usage',
    type: 'gauge',
    unit: 'By',
    by: 'all',
    help: 'Resident memory of the process (semantic conventions).',
    labels: [],
  },
};

/** A metric's name for Prometheus. */
export function prometheusName({ name, unit, type }: Pick<MetricInfo, 'name' | 'unit' | 'type'>): string {
  const suffix = unit === 's' ? '_seconds' : unit === 'By' ? '_bytes' : '';
  return `${name.replaceAll(/[^a-zA-Z0-9_]/g, '_')}${suffix}${type === 'counter' ? '_total' : ''}`;
}
