export { embeddedErrorCodes, EmbeddedError } from './errors.ts';
export type { EmbeddedErrorCode, EmbeddedErrorOptions } from './errors.ts';
export { findFreePort } from './find-free-port.ts';

export { startPostgres } from './postgres/start-postgres.ts';
export type { EmbeddedPostgres, PostgresOptions } from './postgres/postgres-options.ts';

export { startChild } from './children/start-child.ts';
export type { ChildExit, ChildProcessHandle, StartChildOptions } from './children/child-process-handle.ts';

export { startBroker } from './broker/start-broker.ts';
export type { Broker, BrokerOptions, BrokerStats } from './broker/broker-options.ts';

export { startLocalCluster } from './local-cluster/start-local-cluster.ts';
export type {
  ClusterAddresses,
  ClusterServices,
  ExecutorServiceOptions,
  LocalCluster,
  LocalClusterOptions,
  ReplicatedServiceOptions,
  ServiceOptions,
} from './local-cluster/local-cluster-options.ts';
