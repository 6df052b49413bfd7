import { DEFAULT_LEASE, LongshoreError, type LeaseSettings } from '@longshore/core';
import { sql } from 'kysely';
import { inTransaction, type Db, type Tx } from '../session/transactions.ts';

/** What a service is told of leases; what is absent is as the store says. */
export type WantedLease = { readonly [Name in keyof LeaseSettings]?: LeaseSettings[Name] | undefined };

/** What nodes and those who watch them go by. While a node lives, nobody may go by something else. */
const NAME = 'lease';

/**
 * The cluster's lease time and margin. The first service that asks stores what it was told, or the defaults. Later ones are told the same or
 * nothing; others are refused as long as a node lives that goes by what is stored. When none does, what they were told is stored.
 *
 * @throws {LongshoreError} CONFIG_INVALID naming both values, when it was told something else than live nodes go by.
 */
export function agreeOnLease(db: Db, wanted: WantedLease): Promise<LeaseSettings> {
  return inTransaction(db, async (tx) => {
    const first = merge(DEFAULT_LEASE, wanted);
    await sql`INSERT INTO settings (name, value) VALUES (${NAME}, ${JSON.stringify(first)}::json) ON CONFLICT DO NOTHING`.execute(
      tx,
    );
    const stored = await readLease(tx, sql`FOR UPDATE`);
    const next = merge(stored, wanted);
    if (isSame(stored, next)) return stored;
    const live = await sql<{ id: string }>`
      SELECT id FROM nodes
      WHERE state IN ('live', 'draining') AND lease_expires_at + ${stored.marginMs} * interval '1 millisecond' > clock_timestamp()
      LIMIT 1`.execute(tx);
    const [node] = live.rows;
    if (node !== undefined) throw contradiction(stored, next, node.id);
    await sql`UPDATE settings SET value = ${JSON.stringify(next)}::json WHERE name = ${NAME}`.execute(tx);
    return next;
  });
}

/**
 * Keeps what a node goes by as it is until it has registered. For its registration's transaction, before anything else.
 *
 * @throws {LongshoreError} CONFIG_INVALID when somebody has changed it since the node asked.
 */
export async function holdLease(tx: Tx, agreed: LeaseSettings): Promise<void> {
  const stored = await readLease(tx, sql`FOR SHARE`);
  if (!isSame(stored, agreed)) throw contradiction(stored, agreed, null);
}

async function readLease(tx: Tx, lock: ReturnType<typeof sql>): Promise<LeaseSettings> {
  const { rows } = await sql<{ value: Partial<LeaseSettings> }>`
    SELECT value FROM settings WHERE name = ${NAME} ${lock}`.execute(tx);
  return { ...DEFAULT_LEASE, ...rows[0]?.value };
}

function merge(lease: LeaseSettings, { ttlMs, marginMs }: WantedLease): LeaseSettings {
  return { ttlMs: ttlMs ?? lease.ttlMs, marginMs: marginMs ?? lease.marginMs };
}

function isSame(one: LeaseSettings, other: LeaseSettings): boolean {
  return one.ttlMs === other.ttlMs && one.marginMs === other.marginMs;
}

/** @param node one that lives; null: it was changed this very moment. */
function contradiction(stored: LeaseSettings, wanted: LeaseSettings, node: string | null): LongshoreError {
  const text = ({ ttlMs, marginMs }: LeaseSettings): string => `lease ${ttlMs} ms and margin ${marginMs} ms`;
  const who = node === null ? 'the cluster now goes' : `node ${node} and all others go`;
  return new LongshoreError(
    'CONFIG_INVALID',
    `${who} by ${text(stored)}, and this service was told ${text(wanted)}: give it the same values or none ` +
      '(LONGSHORE_LEASE_TTL_MS, LONGSHORE_LEASE_MARGIN_MS), or stop all executors first to change them',
  );
}
