import { isAlive, readDevFile } from '@longshore/client/internal';
import { EmbeddedError, embeddedErrorCodes, startPostgres, type EmbeddedPostgres } from '@longshore/embedded';
import { CliError } from '../cli-error.ts';
import type { DevFolder } from './dev-folder.ts';

/** After its end, or a `kill -9`, the Postgres of a dev cluster takes a moment to end by itself; longer than this is no moment. */
const PREDECESSOR_MS = 15_000;
const TRY_AGAIN_MS = 250;

/**
 * Starts the Postgres of a dev cluster. Its claim on the data folder is what keeps two clusters out of one folder. One that has no
 * addresses there is on its way up or down: it is waited for.
 *
 * @throws {CliError} DEV_ALREADY_RUNNING when another cluster runs in the folder. {EmbeddedError} as `startPostgres`.
 */
export async function startDevPostgres(
  folder: DevFolder,
  port: number,
  signal: AbortSignal,
): Promise<EmbeddedPostgres> {
  const giveUpAtMs = performance.now() + PREDECESSOR_MS;
  while (true) {
    try {
      return await startPostgres({ dataDir: folder.postgres, port, signal });
    } catch (thrown) {
      const isTaken = EmbeddedError.is(thrown) && thrown.code === embeddedErrorCodes.postgresAlreadyRunning;
      if (!isTaken) throw thrown;
      const other = readDevFile(folder.devFile);
      const isUp = other !== null && isAlive(other.pid);
      if (isUp || performance.now() > giveUpAtMs) {
        const who = isUp ? ` (process ${other.pid})` : '';
        throw new CliError('DEV_ALREADY_RUNNING', `a dev cluster runs in ${folder.path} already${who}`, {
          cause: thrown,
        });
      }
      await new Promise((resolve) => setTimeout(resolve, TRY_AGAIN_MS));
      signal.throwIfAborted();
    }
  }
}
