import type {
  ClusterAddresses,
  ClusterServices,
  LocalClusterOptions,
  ServiceOptions,
} from './local-cluster-options.ts';

/** One process of the cluster before it is started. */
export interface PlannedProcess {
  /** The service and its number: `owner-1`. For an executor this is its node id as well. */
  readonly name: string;
  readonly number: number;
  readonly isExecutor: boolean;
  readonly service: ServiceOptions;
  readonly extraEnv?: Readonly<Record<string, string | undefined>>;
}

export function planProcesses(services: ClusterServices): PlannedProcess[] {
  const { owner, balancer, executor } = services;
  const nodeManager = services['node-manager'];
  return [
    ...plan('owner', owner, owner?.replicas),
    ...plan('node-manager', nodeManager, nodeManager?.replicas),
    ...plan('balancer', balancer, balancer?.replicas),
    ...Array.from({ length: executor === undefined ? 0 : (executor.count ?? 1) }, (_, index) =>
      planExecutor(executor ?? { entry: '' }, index + 1),
    ),
  ];
}

export function planExecutor(service: ServiceOptions, number: number): PlannedProcess {
  return { name: `executor-${number}`, number, isExecutor: true, service };
}

function plan(kind: string, service: ServiceOptions | undefined, replicas = 1): PlannedProcess[] {
  if (service === undefined) return [];
  return Array.from({ length: replicas }, (_, index) => {
    const number = index + 1;
    return { name: `${kind}-${number}`, number, isExecutor: false, service };
  });
}

/** What a service is told through its environment; from general to particular, the later one wins. */
export function environmentOf(
  { name, number, isExecutor, service, extraEnv }: PlannedProcess,
  addresses: ClusterAddresses,
  clusterEnv: LocalClusterOptions['env'],
): Record<string, string | undefined> {
  return {
    LONGSHORE_DATABASE_URL: addresses.databaseUrl,
    LONGSHORE_NATS_URL: addresses.natsUrl,
    LONGSHORE_NATS_TOKEN: addresses.natsToken,
    LONGSHORE_CLUSTER: addresses.cluster,
    LONGSHORE_MODE: 'development',
    // Any free port: many processes share this machine, and each says in its ready line which one it took.
    LONGSHORE_HTTP_PORT: '0',
    LONGSHORE_NODE_ID: isExecutor ? name : undefined,
    ...clusterEnv,
    ...(typeof service.env === 'function' ? service.env(addresses) : service.env),
    ...service.instanceEnv?.(number),
    ...extraEnv,
  };
}
