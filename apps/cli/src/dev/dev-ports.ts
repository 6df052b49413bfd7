import { EmbeddedError, embeddedErrorCodes } from '@longshore/embedded';
import { CliError } from '../cli-error.ts';

/**
 * Where a dev cluster listens unless it is told otherwise: the usual ports with a 1 in front, so that a NATS server or a Postgres of the
 * machine's own is not in the way. Both are below the range from which outgoing connections take theirs.
 */
export const DEV_PORTS = { nats: 14_222, postgres: 15_432 } as const;

/** The next ones that are tried when the port is in use: as many dev clusters as anybody runs on one machine. */
const TRIED_PORTS = 50;

/** A port that a server is to listen on. */
export interface WantedPort {
  /** What listens there, for messages: `NATS`. */
  readonly of: string;
  /** 0: any free one. */
  readonly port: number;
  /** Whether the user named it: then no other one will do. */
  readonly isFixed: boolean;
}

/**
 * Starts a server on a port, or on the next one that nothing listens on.
 *
 * @param note told when it is another port.
 * @throws {CliError} DEV_PORT_IN_USE when the user's own port is taken, or too many after the default one; whatever `start` throws.
 */
export async function startOnPort<T extends { readonly port: number }>(
  { of, port, isFixed }: WantedPort,
  start: (port: number) => Promise<T>,
  note: (text: string) => void,
): Promise<T> {
  for (let tried = port; ; tried += 1) {
    try {
      const server = await start(tried);
      if (port !== 0 && server.port !== port) note(`port ${port} is in use; ${of} listens on ${server.port}`);
      return server;
    } catch (thrown) {
      const isTaken = EmbeddedError.is(thrown) && thrown.code === embeddedErrorCodes.portInUse;
      if (!isTaken) throw thrown;
      if (isFixed) throw inUse(`port ${port} for ${of} is in use`, thrown);
      if (tried - port >= TRIED_PORTS) throw inUse(`ports ${port} to ${tried} for ${of} are in use`, thrown);
    }
  }
}

function inUse(message: string, cause: unknown): CliError {
  return new CliError('DEV_PORT_IN_USE', message, { cause });
}
