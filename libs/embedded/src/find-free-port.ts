import { randomInt } from 'node:crypto';
import { createServer } from 'node:net';

import { embeddedErrorCodes, EmbeddedError } from './errors.ts';

/**
 * Ports are taken below the kernel's ephemeral range (32768-60999 on Linux): inside it, an outgoing connection of any
 * process can hold the port at the moment a server wants to listen on it, although nothing listens there.
 */
const lowestPort = 15_000;
const highestPort = 32_767;

/** With one port in ten taken, twenty misses in a row have a chance of 1e-20: more tries would hide another fault. */
const maxTries = 20;

/**
 * Finds a TCP port on `host` that nothing listens on at this moment. Another process may take it before you do: a
 * caller that starts a server on it should be ready to try another one.
 *
 * @param host address to try on; default `127.0.0.1`.
 * @throws {EmbeddedError} `EMBEDDED_PORT_IN_USE` when no free port was found in 20 tries.
 */
export async function findFreePort(host = '127.0.0.1'): Promise<number> {
  for (let tries = 0; tries < maxTries; tries += 1) {
    const port = randomInt(lowestPort, highestPort + 1);
    if (await isFree(host, port)) return port;
  }
  throw new EmbeddedError(
    embeddedErrorCodes.portInUse,
    `No free port was found on ${host} between ${lowestPort} and ${highestPort}; stop servers you do not need.`,
  );
}

function isFree(host: string, port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => resolve(false));
    server.listen({ host, port, exclusive: true }, () => server.close(() => resolve(true)));
  });
}
