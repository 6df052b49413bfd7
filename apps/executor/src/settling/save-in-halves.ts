import { isDataRefusal, saveProgress, type AttemptProgress, type NodeIdentity, type Store } from '@longshore/store';

/**
 * Stores how far runs are. What Postgres refuses for its data is left out, and keeps back no other.
 *
 * @param onRefused told of a run whose progress is refused.
 * @returns ids that this node has lost.
 */
export async function saveInHalves(
  store: Pick<Store, 'db'>,
  node: NodeIdentity,
  progress: readonly AttemptProgress[],
  onRefused: (one: AttemptProgress, error: unknown) => void,
): Promise<readonly string[]> {
  try {
    return await saveProgress(store.db, node, progress);
  } catch (error) {
    if (!isDataRefusal(error)) throw error;
    const [first] = progress;
    if (first !== undefined && progress.length === 1) {
      onRefused(first, error);
      return [];
    }
    const middle = progress.length >> 1;
    const lost = await saveInHalves(store, node, progress.slice(0, middle), onRefused);
    return [...lost, ...(await saveInHalves(store, node, progress.slice(middle), onRefused))];
  }
}
