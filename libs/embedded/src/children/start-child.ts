import type { ChildProcessHandle, StartChildOptions } from './child-process-handle.ts';
import { launchChild } from './launch-child.ts';

/**
 * Starts a Node process and waits until it says that it is ready.
 *
 * The child runs in its own process group (a Ctrl-C in the terminal reaches only this process, which then stops its
 * children in order) and gets a pipe at the descriptor named by `LONGSHORE_PARENT_FD`. It must write one JSON line on
 * it, `{"event":"ready", ...}` or `{"event":"failed","code":"…","message":"…"}`, and end when the pipe closes.
 *
 * @throws {EmbeddedError} with the child's own code when it reports a failure; `EMBEDDED_CHILD_FAILED` when it ends or
 *   cannot be spawned before it is ready; `EMBEDDED_CHILD_READY_TIMEOUT` when it takes too long (it is killed then).
 *   `output` holds its last lines. Throws the signal's reason when aborted.
 */
export async function startChild(options: StartChildOptions): Promise<ChildProcessHandle> {
  const { handle } = await launchChild(options);
  return handle;
}
