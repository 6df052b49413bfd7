import { Socket } from 'node:net';

/**
 * Sockets that are made here and handed to the driver, so that they can be destroyed at any time. The server then
 * rolls back what was open.
 */
export class DestroyableSockets {
  readonly #open = new Set<Socket>();

  /** Makes a socket that is not connected yet, for the driver's option `stream`. */
  readonly make = (): Socket => {
    const socket = new Socket();
    this.#open.add(socket);
    socket.once('close', () => this.#open.delete(socket));
    return socket;
  };

  /** Destroys all of them; statements that are under way fail. */
  destroyAll(): void {
    for (const socket of this.#open) socket.destroy();
  }

  /** Lets the process end beside them: a server that doesn't answer to a goodbye must not keep it. */
  unrefAll(): void {
    for (const socket of this.#open) socket.unref();
  }
}
