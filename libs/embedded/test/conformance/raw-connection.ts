import { once } from 'node:events';
import { connect, type Socket } from 'node:net';

const deadlineMs = 60_000;

/** A bare socket to a server: sends exact bytes, gives back exact bytes. `END` marks that the server closed. */
export class RawConnection {
  readonly socket: Socket;
  #received = '';
  #hasEnded = false;
  #wake: () => void = () => undefined;

  private constructor(socket: Socket) {
    this.socket = socket;
    socket.setNoDelay(true);
    socket.on('error', () => undefined);
    socket.on('data', (chunk: Buffer) => {
      this.#received += chunk.toString('latin1');
      this.#wake();
    });
    for (const event of ['end', 'close']) {
      socket.on(event, () => {
        this.#hasEnded = true;
        this.#wake();
      });
    }
  }

  static async open(port: number): Promise<RawConnection> {
    const raw = new RawConnection(connect(port, '127.0.0.1'));
    await once(raw.socket, 'connect');
    await raw.#until('INFO', () => raw.#received.includes('\r\n'));
    return raw;
  }

  get info(): Record<string, unknown> {
    return JSON.parse(this.#received.slice('INFO '.length, this.#received.indexOf('\r\n'))) as Record<string, unknown>;
  }

  send(text: string): void {
    this.socket.write(text, 'latin1');
  }

  /** One byte per write, each in a turn of the event loop of its own. */
  async sendByBytes(text: string): Promise<void> {
    for (const byte of Buffer.from(text, 'latin1')) {
      this.socket.write(Uint8Array.of(byte));
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  /** What the server sent after INFO, up to and with `end`, or up to its close. */
  async answer(end = 'PONG\r\n'): Promise<string> {
    await this.#until(JSON.stringify(end), () => this.#hasEnded || this.#body().endsWith(end));
    return this.#hasEnded ? `${this.#body()}END` : this.#body();
  }

  close(): void {
    this.socket.destroy();
  }

  #body(): string {
    return this.#received.slice(this.#received.indexOf('\r\n') + 2);
  }

  #until(what: string, isReached: () => boolean): Promise<void> {
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        const received = JSON.stringify(this.#received.slice(-2_000));
        reject(new Error(`Waited ${deadlineMs} ms for ${what}; received ${received}`));
      }, deadlineMs);
      this.#wake = () => {
        if (!isReached()) return;
        clearTimeout(timer);
        resolve();
      };
      this.#wake();
    });
  }
}
