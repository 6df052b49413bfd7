import { LEASE_BOUNDS } from '@longshore/core';
import { nodeLabels } from './node-labels.ts';
import { FILE_SUFFIX, integer, readSecret, text, type OptionSpec } from '@longshore/service';
import { availableParallelism, hostname } from 'node:os';
import { z } from 'zod';

const names: z.ZodType<readonly string[], string | undefined> = z.string().transform((list) =>
  list
    .split(',')
    .map((name) => name.trim())
    .filter((name) => name !== ''),
);

const jsonObject: z.ZodType<Readonly<Record<string, unknown>>, string | undefined> = z
  .string()
  .transform((value, context) => {
    try {
      return z.record(z.string(), z.unknown()).parse(JSON.parse(value));
    } catch {
      context.addIssue({ code: 'custom', message: 'must be a JSON object' });
      return z.NEVER;
    }
  });

/**
 * What an executor is told besides the common settings. Connections come from LONGSHORE_CONNECTION_<NAME>, those of gates from
 * LONGSHORE_GATE_CONNECTION_<NAME>.
 */
export const EXECUTOR_OPTIONS = {
  nodeId: {
    flag: 'node-id',
    env: 'LONGSHORE_NODE_ID',
    help: 'Name of this node, unique in the cluster and the same after a restart: letters, digits, "-" and "_".',
    schema: z.string().regex(/^[A-Za-z0-9_-]{1,128}$/, 'must be 1 to 128 letters, digits, "-" or "_"'),
    default: hostname().replaceAll(/[^A-Za-z0-9_-]/g, '-'),
  },
  slots: {
    flag: 'slots',
    env: 'LONGSHORE_SLOTS',
    help: 'Slots that tasks may use on this node, 1 to 4096; about one per core.',
    schema: integer(1, 4_096),
    default: String(availableParallelism()),
  },
  slotMemoryMb: {
    flag: 'slot-memory-mb',
    env: 'LONGSHORE_SLOT_MEMORY_MB',
    help: 'Memory of a slot, in MiB, 64 to 1048576. A runner that uses more than its slots allow is ended.',
    schema: integer(64, 1_048_576),
    default: '256',
  },
  scope: {
    flag: 'scope',
    env: 'LONGSHORE_SCOPE',
    help: 'Scope: only tasks that name it run here. "background" takes tasks without a scope.',
    schema: z.string().max(128),
    default: '',
  },
  labels: {
    flag: 'labels',
    env: 'LONGSHORE_LABELS',
    help: 'Labels of this node, comma-separated: zone=a,disk=ssd. Tasks with label selectors run on nodes that fit them.',
    schema: nodeLabels,
    default: '',
  },
  plugins: {
    flag: 'plugins',
    env: 'LONGSHORE_PLUGINS',
    help: 'Task-type packages to load, comma-separated: names of installed packages, or paths of modules.',
    schema: names,
    default: '@longshore/plugin-import',
  },
  pluginSettings: {
    flag: 'plugin-settings',
    env: 'LONGSHORE_PLUGIN_SETTINGS',
    help: 'JSON object of settings by task type: {"import":{"roots":["/data"]}}.',
    schema: jsonObject,
    default: '{}',
  },
  leaseTtlMs: {
    flag: 'lease-ttl-ms',
    env: 'LONGSHORE_LEASE_TTL_MS',
    help: 'How long nodes count as live without renewing their leases, in milliseconds, 1000 to 120000; absent: as the store says, at first 6000. The same for the whole cluster: it lives in the store, and an executor that is told something else than the live ones refuses to start. With a lower value work moves sooner when its node dies; too low a value loses nodes during a pause of their process.',
    schema: integer(LEASE_BOUNDS.ttlMs.least, LEASE_BOUNDS.ttlMs.most).optional(),
  },
  leaseMarginMs: {
    flag: 'lease-margin-ms',
    env: 'LONGSHORE_LEASE_MARGIN_MS',
    help: 'How long after the end of its lease a node is declared dead, in milliseconds, 200 to 60000; absent: as the store says, at first 2000. The same for the whole cluster. In this time the executor ends non-idempotent work: it has half of it to stop, whatever --abort-grace-ms says.',
    schema: integer(LEASE_BOUNDS.marginMs.least, LEASE_BOUNDS.marginMs.most).optional(),
  },
  pollMs: {
    flag: 'poll-ms',
    env: 'LONGSHORE_POLL_MS',
    help: 'How often to look for work without a wake, in milliseconds; 50 to 60000.',
    schema: integer(50, 60_000),
    default: '1000',
  },
  abortGraceMs: {
    flag: 'abort-grace-ms',
    env: 'LONGSHORE_ABORT_GRACE_MS',
    help: 'How long a hook may take to stop before its runner is ended, in milliseconds; 100 to 600000.',
    schema: integer(100, 600_000),
    default: '5000',
  },
  hookStallMs: {
    flag: 'hook-stall-ms',
    env: 'LONGSHORE_HOOK_STALL_MS',
    help: 'How long a hook such as planStep or revert may go on without progress or a reason to wait, in milliseconds; 1000 to 86400000. Then it is stopped and tried again. Raise it for task types whose hooks work for long and report nothing.',
    schema: integer(1_000, 86_400_000),
    default: '600000',
  },
  fenceGraceMs: {
    flag: 'fence-grace-ms',
    env: 'LONGSHORE_FENCE_GRACE_MS',
    help: 'How long a revert waits for open effects in a target before it ends their sessions, in milliseconds; 0 to 600000.',
    schema: integer(0, 600_000),
    default: '5000',
  },
  reconcileMs: {
    flag: 'reconcile-ms',
    env: 'LONGSHORE_RECONCILE_MS',
    help: 'How often to hand back rows that the store shows as running here but this node does not know, in milliseconds; 20 to 600000. With a lower value, work that a lost connection left behind runs again sooner.',
    schema: integer(20, 600_000),
    default: '10000',
  },
  host: {
    flag: 'host',
    env: 'LONGSHORE_HOST',
    help: 'Host name shown for this node.',
    schema: text,
    default: hostname(),
  },
} as const satisfies Record<string, OptionSpec>;

const CONNECTION_PREFIX = 'LONGSHORE_CONNECTION_';
const GATE_CONNECTION_PREFIX = 'LONGSHORE_GATE_CONNECTION_';

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Connections by name: LONGSHORE_CONNECTION_WAREHOUSE is the connection `warehouse`, and LONGSHORE_CONNECTION_WAREHOUSE_FILE names a file with
 * its URL.
 *
 * @throws {LongshoreError} CONFIG_INVALID for a file that can't be used.
 */
export function readConnections(env: Environment): Readonly<Record<string, string>> {
  return connectionsWith(CONNECTION_PREFIX, env);
}

/** Connections of gates by name: LONGSHORE_GATE_CONNECTION_WAREHOUSE is what gates of the connection `warehouse` are read by. */
export function readGateConnections(env: Environment): Readonly<Record<string, string>> {
  return connectionsWith(GATE_CONNECTION_PREFIX, env);
}

function connectionsWith(prefix: string, env: Environment): Readonly<Record<string, string>> {
  const connections: Record<string, string> = {};
  const variables = Object.keys(env).filter((name) => name.startsWith(prefix));
  for (const variable of new Set(variables.map((name) => withoutSuffix(name)))) {
    const url = readSecret(variable, env);
    if (url !== undefined) connections[variable.slice(prefix.length).toLowerCase()] = url;
  }
  return connections;
}

function withoutSuffix(name: string): string {
  return name.endsWith(FILE_SUFFIX) ? name.slice(0, -FILE_SUFFIX.length) : name;
}
