import { setTimeout as wait } from 'node:timers/promises';
import { markCrashed, openStore, type NodeIdentity } from '@longshore/store';

/** How long the guard tries to reach the store, in milliseconds: after a lease and its margin the node's rows are freed in any case. */
const LONGEST_MS = 10_000;
const PAUSE_MS = 500;

/**
 * Tells the store that the process of a node has crashed. Nothing else depends on it: without this word, what ran there is freed all the same,
 * and suspected of nothing.
 */
export async function noteCrash(databaseUrl: string, node: NodeIdentity): Promise<void> {
  const store = openStore({
    url: databaseUrl,
    applicationName: `longshore-guard/${node.id}`.slice(0, 63),
    maxConnections: 1,
  });
  const until = performance.now() + LONGEST_MS;
  while (performance.now() < until) {
    try {
      await markCrashed(store.db, node);
      break;
    } catch {
      await wait(PAUSE_MS);
    }
  }
  await store.close();
}
