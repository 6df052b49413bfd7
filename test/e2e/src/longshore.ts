import { execFile } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { TestCluster } from '@longshore/testing';

const LONGSHORE = fileURLToPath(new URL('../../../apps/cli/bin/longshore.cjs', import.meta.url));

/** Runs the command line against a cluster. @returns what it printed; it rejects when the exit code is not 0. */
export async function longshore({ cluster }: TestCluster, ...args: readonly string[]): Promise<string> {
  const { natsUrl, natsToken, cluster: name } = cluster;
  const env = { ...process.env, LONGSHORE_NATS_URL: natsUrl, LONGSHORE_NATS_TOKEN: natsToken, LONGSHORE_CLUSTER: name };
  return (await promisify(execFile)(process.execPath, [LONGSHORE, ...args], { env })).stdout;
}
