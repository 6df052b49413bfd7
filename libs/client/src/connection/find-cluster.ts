import { LongshoreError } from '@longshore/core';
import { resolve } from 'node:path';
import type { ConnectOptions } from './client-options.ts';
import { findDevFile, isAlive, readDevFile, type FoundDevFile } from './dev-file.ts';

/** What is known of the cluster before one is looked for. */
export interface NamedCluster {
  /** A NATS server, several with commas, or the path of a `dev.json`. */
  readonly server?: string | undefined;
  readonly cluster?: string | undefined;
}

export const DEFAULT_CLUSTER = 'default';

/** What a NATS server wants of who connects. */
export type ClusterLogin = Pick<ConnectOptions, 'token' | 'user' | 'password' | 'credentialsFile' | 'nkeyFile' | 'tls'>;

/** Where a cluster is, and the login for it. */
export interface ClusterAddress extends ClusterLogin {
  readonly servers: string | readonly string[];
  readonly cluster: string;
}

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * The cluster that is meant where its address isn't given: what is named, then LONGSHORE_NATS_URL, then the `longshore dev` of this folder
 * or of one above it. A path that ends with `.json` names the `dev.json` of a `longshore dev` elsewhere. Logins come from the environment or
 * from the URL.
 *
 * @throws {LongshoreError} CLUSTER_NOT_FOUND when nothing names one, or the `longshore dev` that did has ended; ARGUMENT_INVALID when a
 * server is no URL.
 */
export function findCluster(named: NamedCluster, env: Environment, cwd: string): ClusterAddress {
  const server = named.server ?? nonEmpty(env['LONGSHORE_NATS_URL']);
  const cluster = named.cluster ?? nonEmpty(env['LONGSHORE_CLUSTER']);
  if (server !== undefined && !server.endsWith('.json')) {
    return { cluster: cluster ?? DEFAULT_CLUSTER, ...fromEnvironment(env), ...fromUrl(server) };
  }
  const dev = findRunningDev(server, cwd);
  return { servers: dev.natsUrl, token: dev.token, cluster: cluster ?? dev.cluster };
}

/**
 * The `longshore dev` that is meant.
 *
 * @param file path of its `dev.json`; undefined: the one of this folder or of one above it.
 * @throws {LongshoreError} CLUSTER_NOT_FOUND when there is none, or it has ended.
 */
export function findRunningDev(file: string | undefined, cwd: string): FoundDevFile {
  const dev = file === undefined ? findDevFile(cwd) : readDevFile(resolve(cwd, file));
  if (dev === null) {
    throw notFound(
      file === undefined
        ? `no cluster is named, and no dev cluster runs in ${cwd} or a folder above it`
        : `${file} is not the dev.json of a dev cluster that runs`,
    );
  }
  if (!isAlive(dev.pid)) throw notFound(`the dev cluster of ${dev.path} has ended (process ${dev.pid} is gone)`);
  return dev;
}

function fromEnvironment(env: Environment): ClusterLogin {
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
function fromUrl(servers: string): Pick<ClusterAddress, 'servers' | 'token' | 'user' | 'password'> {
  let credentials: Pick<ClusterLogin, 'token' | 'user' | 'password'> = {};
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

function notFound(message: string): LongshoreError {
  return new LongshoreError('CLUSTER_NOT_FOUND', message);
}
