import { LEASE_BOUNDS } from '@longshore/core';
import { integer, LEADER_OPTIONS, type OptionSpec } from '@longshore/service';

/** What a node-manager is told besides the common settings. */
export const NODE_MANAGER_OPTIONS = {
  ...LEADER_OPTIONS,
  pollMs: { ...LEADER_OPTIONS.pollMs, default: '500' },
  leaseMarginMs: {
    flag: 'lease-margin-ms',
    env: 'LONGSHORE_LEASE_MARGIN_MS',
    help: 'How long after the end of its lease a node is declared dead, in milliseconds, 200 to 60000; absent: as the store says, at first 2000. In this time an executor notices by its own clock and ends non-idempotent work. The same for the whole cluster: it lives in the store, and changes only while no executor lives.',
    schema: integer(LEASE_BOUNDS.marginMs.least, LEASE_BOUNDS.marginMs.most).optional(),
  },
  nodeLeaseTtlMs: {
    flag: 'node-lease-ttl-ms',
    env: 'LONGSHORE_LEASE_TTL_MS',
    help: 'Lease time of the executors, in milliseconds, 1000 to 120000; absent: as the store says, at first 6000. After an outage every node gets this time anew. The same for the whole cluster, as the margin.',
    schema: integer(LEASE_BOUNDS.ttlMs.least, LEASE_BOUNDS.ttlMs.most).optional(),
  },
  nodeRetentionMinutes: {
    flag: 'node-retention-minutes',
    env: 'LONGSHORE_NODE_RETENTION_MINUTES',
    help: 'How long nodes are kept that stopped or were declared dead, in minutes, 1 to 525600; longer while an unfinished task or subtask names them. Raise it to look longer at what ran where, lower it where each roll-out makes many new names.',
    schema: integer(1, 525_600),
    default: '1440',
  },
} as const satisfies Record<string, OptionSpec>;
