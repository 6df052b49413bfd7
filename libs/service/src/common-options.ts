import { LOG_LEVELS } from '@longshore/telemetry';
import { hostname } from 'node:os';
import { z } from 'zod';
import { integer, oneOf, optionalText, text, type OptionSpec } from './option-set.ts';

const clusterName: OptionSpec<string> = {
  flag: 'cluster',
  env: 'LONGSHORE_CLUSTER',
  help: 'Name of the cluster: letters, digits, "-" and "_". Services and clients of one cluster share it.',
  schema: z.string().regex(/^[A-Za-z0-9_-]{1,64}$/, 'must be 1 to 64 letters, digits, "-" or "_"'),
  default: 'default',
};

/** What every service is told. */
export const COMMON_OPTIONS = {
  databaseUrl: {
    flag: 'database-url',
    env: 'LONGSHORE_DATABASE_URL',
    help: "The store: postgres://user:password@host:port/database, with sslmode and certificates as the driver's URL takes them.",
    schema: z.string({ error: 'is required' }).regex(/^postgres(ql)?:\/\//, 'must start with postgres://'),
    isSecret: true,
  },
  databaseConnections: {
    flag: 'database-connections',
    env: 'LONGSHORE_DATABASE_CONNECTIONS',
    help: 'Most sessions of this process in the store, besides up to two for its lease; 2 to 100.',
    schema: integer(2, 100),
    default: '8',
  },
  natsUrl: {
    flag: 'nats-url',
    env: 'LONGSHORE_NATS_URL',
    help: 'NATS servers, comma-separated: nats://host:4222, tls://host:4222.',
    schema: text,
    default: 'nats://127.0.0.1:4222',
  },
  natsToken: {
    flag: 'nats-token',
    env: 'LONGSHORE_NATS_TOKEN',
    help: 'Token for NATS.',
    schema: optionalText,
    isSecret: true,
  },
  natsUser: { flag: 'nats-user', env: 'LONGSHORE_NATS_USER', help: 'User for NATS.', schema: optionalText },
  natsPassword: {
    flag: 'nats-password',
    env: 'LONGSHORE_NATS_PASSWORD',
    help: 'Password for NATS.',
    schema: optionalText,
    isSecret: true,
  },
  natsCredentials: {
    flag: 'nats-credentials',
    env: 'LONGSHORE_NATS_CREDENTIALS',
    help: 'NATS credentials file (JWT and seed).',
    schema: optionalText,
  },
  natsNkey: {
    flag: 'nats-nkey',
    env: 'LONGSHORE_NATS_NKEY',
    help: 'File with the seed of an nkey for NATS, instead of a credentials file.',
    schema: optionalText,
  },
  natsCa: {
    flag: 'nats-ca',
    env: 'LONGSHORE_NATS_CA',
    help: "CA file that verifies the NATS server's certificate.",
    schema: optionalText,
  },
  natsCert: {
    flag: 'nats-cert',
    env: 'LONGSHORE_NATS_CERT',
    help: 'Client certificate file for NATS.',
    schema: optionalText,
  },
  natsKey: {
    flag: 'nats-key',
    env: 'LONGSHORE_NATS_KEY',
    help: 'Key file of the client certificate.',
    schema: optionalText,
  },
  cluster: clusterName,
  mode: {
    flag: 'mode',
    env: 'LONGSHORE_MODE',
    help: 'production: `longshore migrate` migrates the database; development: services migrate it when they start.',
    schema: oneOf(['production', 'development']),
    default: 'production',
  },
  httpHost: {
    flag: 'http-host',
    env: 'LONGSHORE_HTTP_HOST',
    help: 'Address for /healthz, /readyz and /metrics; 0.0.0.0 makes them reachable from other hosts.',
    schema: text,
    default: '127.0.0.1',
  },
  httpPort: {
    flag: 'http-port',
    env: 'LONGSHORE_HTTP_PORT',
    help: 'Port for /healthz, /readyz and /metrics; 0 takes a free one.',
    schema: integer(0, 65_535),
    default: '0',
  },
  logLevel: {
    flag: 'log-level',
    env: 'LONGSHORE_LOG_LEVEL',
    help: `How much to log: ${LOG_LEVELS.join(', ')}.`,
    schema: oneOf(LOG_LEVELS),
    default: 'info',
  },
  instance: {
    flag: 'instance',
    env: 'LONGSHORE_INSTANCE',
    help: 'Name of this process among the replicas of its service, for logs and events.',
    schema: text,
    default: `${hostname()}-${process.pid}`,
  },
} as const satisfies Record<string, OptionSpec>;

/** What services that elect a leader are told besides. */
export const LEADER_OPTIONS = {
  leaderTtlMs: {
    flag: 'leader-ttl-ms',
    env: 'LONGSHORE_LEADER_TTL_MS',
    help: 'How long a vanished leader keeps its lease, in milliseconds; 1000 to 60000. With a lower value a standby takes over sooner; too low a value loses the lease on a slow disk.',
    schema: integer(1_000, 60_000),
    default: '5000',
  },
  pollMs: {
    flag: 'poll-ms',
    env: 'LONGSHORE_POLL_MS',
    help: 'How often to look without a wake, in milliseconds; 50 to 60000. A wake starts a look at once; while NATS is down this is the pace.',
    schema: integer(50, 60_000),
    default: '1000',
  },
} as const satisfies Record<string, OptionSpec>;
