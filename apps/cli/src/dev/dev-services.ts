import type { ClusterServices, ServiceOptions } from '@longshore/embedded';

/** What the services of a development cluster are told. */
export interface DevServiceOptions {
  /** How many executors. */
  readonly executors: number;
  /** Processes of owner, node-manager and balancer each: one leads, the others stand by. Default 1. */
  readonly replicas?: number;
  /** Packages with task types that each executor loads. */
  readonly plugins: readonly string[];
  /** Databases that tasks may name, by name: letters, digits and `_`. */
  readonly connections: Readonly<Record<string, string>>;
  /** What gates of these databases are read by, by the same names. Default: none, and no query of a gate is asked. */
  readonly gateConnections?: Readonly<Record<string, string>>;
  /** Settings of task types, by type. */
  readonly pluginSettings: Readonly<Record<string, unknown>>;
  /** Slots of each executor. Default: the executor's own. */
  readonly slots?: number;
}

/** The four services as `startLocalCluster` starts them, each from its own package. */
export function devServices(options: DevServiceOptions): ClusterServices {
  const replicas = options.replicas ?? 1;
  return {
    owner: { entry: import.meta.resolve('@longshore/owner/main'), replicas, ...called('owner') },
    'node-manager': {
      entry: import.meta.resolve('@longshore/node-manager/main'),
      replicas,
      ...called('node-manager'),
    },
    balancer: { entry: import.meta.resolve('@longshore/balancer/main'), replicas, ...called('balancer') },
    executor: {
      entry: import.meta.resolve('@longshore/executor/main'),
      count: options.executors,
      ...called('executor'),
      env: {
        LONGSHORE_PLUGINS: options.plugins.join(','),
        LONGSHORE_PLUGIN_SETTINGS: JSON.stringify(options.pluginSettings),
        ...(options.slots === undefined ? {} : { LONGSHORE_SLOTS: String(options.slots) }),
        ...named('LONGSHORE_CONNECTION_', options.connections),
        ...named('LONGSHORE_GATE_CONNECTION_', options.gateConnections ?? {}),
      },
    },
  };
}

/** Events and logs call a process as the cluster does: `owner-1`. */
function called(service: string): Pick<ServiceOptions, 'instanceEnv'> {
  return { instanceEnv: (number) => ({ LONGSHORE_INSTANCE: `${service}-${number}` }) };
}

function named(prefix: string, connections: Readonly<Record<string, string>>): Record<string, string> {
  return Object.fromEntries(Object.entries(connections).map(([name, url]) => [`${prefix}${name.toUpperCase()}`, url]));
}
