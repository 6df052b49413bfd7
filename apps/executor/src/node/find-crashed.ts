import { readNode, type Db, type NodeRegistration } from '@longshore/store';

/**
 * Finds the process that had this name before, if its end was a crash: it was at work, on this machine since its last boot, and there is no
 * such process any more. Its guard tells the same, unless it was ended together with it, as in a container.
 *
 * @returns its epoch; null: there was none, it stopped, it lives, or its machine went.
 */
export async function findCrashed(
  db: Db,
  { id, host, bootId = null }: Pick<NodeRegistration, 'id' | 'host' | 'bootId'>,
): Promise<string | null> {
  const before = await readNode(db, id);
  if (before?.state !== 'live' || before.host !== host || before.bootId !== bootId) return null;
  return isAlive(before.pid) ? null : before.epoch;
}

/** Whether a process has this id. In containers the main process has the same one each time: then it is this one. */
function isAlive(pid: number): boolean {
  if (pid === process.pid) return false;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    // It is somebody else's, who may not be sent signals.
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
