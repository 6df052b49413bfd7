// For the command line alone: how a cluster is found, and what `longshore dev` writes for those who look for it.
export { DEV_FILE, DEV_FOLDER, findDevFile, isAlive, readDevFile } from './connection/dev-file.ts';
export type { DevFile, FoundDevFile } from './connection/dev-file.ts';
export { findCluster, findRunningDev, type NamedCluster } from './connection/find-cluster.ts';
