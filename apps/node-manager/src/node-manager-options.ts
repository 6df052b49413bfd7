import { integer, LEADER_OPTIONS, type OptionSpec } from '@longshore/service';

/** What a node-manager is told besides the common settings. */
export const NODE_MANAGER_OPTIONS = {
  ...LEADER_OPTIONS,
  pollMs: { ...LEADER_OPTIONS.pollMs, default: '500' },
  leaseMarginMs: {
    flag: 'lease-margin-ms',
    env: 'LONGSHORE_LEASE_MARGIN_MS',
    help: 'How long after the end of its lease a node is declared dead, in milliseconds, 0 to 60000. In this time an executor notices by its own clock and stops non-idempotent work.',
    schema: integer(0, 60_000),
    default: '2000',
  },
  nodeLeaseTtlMs: {
    flag: 'node-lease-ttl-ms',
    env: 'LONGSHORE_LEASE_TTL_MS',
    help: 'Lease time of the executors, in milliseconds, 1000 to 120000; give the same value as theirs. After an outage every node gets this time anew.',
    schema: integer(1_000, 120_000),
    default: '6000',
  },
} as const satisfies Record<string, OptionSpec>;
