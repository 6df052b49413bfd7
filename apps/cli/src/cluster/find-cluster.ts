import type { ConnectOptions } from '@longshore/client';
import { LongshoreError } from '@longshore/core';
import { CliError } from '../cli-error.ts';
import { resolve } from 'node:path';
import { findDevFile, isAlive, readDevFile, type FoundDevFile } from './dev-file.ts';

/** What the user said about the cluster on the command line. */
export interface ClusterFlags {
  readonly server?: string;
  readonly cluster?: string;
}

const DEFAULT_CLUSTER = 'default';

/**
 * The cluster that a command is meant for: `--server`, then LONGSHORE_NATS_URL, then the `longshore dev` of this folder or
 * of one above it. A path that ends with `.json` names the `dev.json` of a `longshore dev` elsewhere. Credentials come from the environment or from the URL, never from a flag, which a process list shows.
 *
 * @throws {CliError} CLUSTER_NOT_FOUND when nothing names one, or the `longshore dev` that did has ended.
 */
export function findCluster(
  flags: ClusterFlags,
  env: Readonly<Record<string, string | undefined>>,
  cwd: string,
): ConnectOptions {
  const named = flags.server ?? nonEmpty(env['LONGSHORE_NATS_URL']);
  const cluster = flags.cluster ?? nonEmpty(env['LONGSHORE_CLUSTER']);
  if (named !== undefined && !named.endsWith('.json')) {
    return { cluster: cluster ?? DEFAULT_CLUSTER, ...fromEnvironment(env), ...fromUrl(named) };
  }
  const dev = named === undefined ? findDevFile(cwd) : readDevFile(resolve(cwd, named));
  if (dev === null && named !== undefined) {
    throw new CliError('CLUSTER_NOT_FOUND', `${named} is not the dev.json of a dev cluster`);
  }
  if (dev === null) {
    throw new CliError(
      'CLUSTER_NOT_FOUND',
      `no cluster is named, and no dev cluster runs in ${cwd} or a folder above it`,
    );
  }
  return fromDevFile(dev, cluster);
}

function fromDevFile(dev: FoundDevFile, cluster: string | undefined): ConnectOptions {
  if (!isAlive(dev.pid)) {
    throw new CliError('CLUSTER_NOT_FOUND', `the dev cluster of ${dev.path} has ended (process ${dev.pid} is gone)`);
  }
  return { servers: dev.natsUrl, token: dev.token, cluster: cluster ?? dev.cluster };
}

function fromEnvironment(
  env: Readonly<Record<string, string | undefined>>,
): Omit<ConnectOptions, 'servers' | 'cluster'> {
  const [ca, cert, key] = ['CA', 'CERT', 'KEY'].map((name) => nonEmpty(env[`LONGSHORE_NATS_${name}`]));
  return {
    token: nonEmpty(env['LONGSHORE_NATS_TOKEN']),
    user: nonEmpty(env['LONGSHORE_NATS_USER']),
    password: nonEmpty(env['LONGSHORE_NATS_PASSWORD']),
    credentialsFile: nonEmpty(env['LONGSHORE_NATS_CREDENTIALS']),
    nkeyFile: nonEmpty(env['LONGSHORE_NATS_NKEY']),
    ...((ca ?? cert ?? key) === undefined ? {} : { tls: { ca, cert, key } }),
  };
}

/** Servers without the credentials that their URLs may carry, so that no message can show them. */
function fromUrl(servers: string): Pick<ConnectOptions, 'servers' | 'token' | 'user' | 'password'> {
  let credentials: Pick<ConnectOptions, 'token' | 'user' | 'password'> = {};
  const plain = servers.split(',').map((server) => {
    const url = parseServer(server.trim());
    const user = decodeURIComponent(url.username);
    const password = decodeURIComponent(url.password);
    if (user !== '') credentials = password === '' ? { token: user } : { user, password };
    return `${url.protocol}//${url.host}`;
  });
  return { servers: plain, ...credentials };
}

function parseServer(server: string): URL {
  const text = server.includes('://') ? server : `nats://${server}`;
  if (URL.canParse(text)) {
    const url = new URL(text);
    if (/^(nats|tls|wss?):$/.test(url.protocol) && url.hostname !== '') return url;
  }
  // The message doesn't show the text, because it may contain a password.
  throw new LongshoreError('ARGUMENT_INVALID', 'the NATS server is not a URL of the form nats://host:4222');
}

function nonEmpty(text: string | undefined): string | undefined {
  return text === '' ? undefined : text;
}
