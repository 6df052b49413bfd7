import { setTimeout as wait } from 'node:timers/promises';
import pg from 'pg';
import type { SoakCluster } from './soak-cluster.ts';

/** One way in which a cluster's surroundings fail. */
export interface Fault {
  readonly name: string;
  /**
   * Holds the fault for a time and takes it back.
   *
   * @param ms how long.
   * @returns ids of tasks that it was about: these may wait.
   */
  hold(ms: number, signal: AbortSignal): Promise<readonly string[]>;
}

/** The faults of a soak. Each is held for some seconds and then taken back, one at a time. */
export function soakFaults({ proxies, storeUrl }: SoakCluster): readonly Fault[] {
  const outage = (name: 'store' | 'nats' | 'target'): Fault => ({
    name: `${name} is away`,
    hold: async (ms, signal) => {
      proxies[name].refuse(true);
      proxies[name].cut();
      try {
        await wait(ms, undefined, { signal });
      } finally {
        proxies[name].refuse(false);
      }
      return [];
    },
  });
  const halfOpen = (name: 'store' | 'nats' | 'target'): Fault => ({
    name: `connections to ${name} are half-open`,
    // They stay so: whoever waits for them has to find out.
    hold: async (ms, signal) => {
      proxies[name].dropSilently();
      await wait(ms, undefined, { signal });
      return [];
    },
  });
  return [
    lockedRows(storeUrl, 'a task row is locked', `SELECT id::text FROM tasks ORDER BY id DESC LIMIT 1 FOR UPDATE`),
    outage('nats'),
    halfOpen('store'),
    lockedRows(storeUrl, 'a node row is locked', `SELECT NULL FROM nodes ORDER BY id LIMIT 1 FOR UPDATE`),
    outage('target'),
    halfOpen('nats'),
    outage('store'),
    halfOpen('target'),
    lockedRows(
      storeUrl,
      'a subtask row is locked',
      `SELECT task_id::text AS id FROM subtasks ORDER BY subtasks.id DESC LIMIT 1 FOR UPDATE`,
    ),
  ];
}

function lockedRows(storeUrl: string, name: string, lock: string): Fault {
  return {
    name,
    hold: async (ms, signal) => {
      const session = new pg.Client({ connectionString: storeUrl, options: '-c search_path=longshore' });
      await session.connect();
      try {
        await session.query('BEGIN');
        const { rows } = await session.query<{ id: string | null }>(lock);
        await wait(ms, undefined, { signal });
        await session.query('ROLLBACK');
        return rows.flatMap(({ id }) => (id === null ? [] : [id]));
      } finally {
        await session.end();
      }
    },
  };
}
