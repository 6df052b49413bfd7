import { setTimeout as wait } from 'node:timers/promises';
import { LongshoreError } from '@longshore/core';
import { AuthorizationError, connect, type NatsConnection } from '@nats-io/transport-node';
import type { Subscription } from './bus.ts';
import type { BusOptions } from './bus-options.ts';
import { natsOptions, reconnectWaitMs } from './nats-options.ts';
import { connectError, isUntrusted } from './connect-errors.ts';

/** Something that goes on with every new connection. */
interface Use {
  readonly start: (nats: NatsConnection) => Subscription;
  running: Subscription | null;
}

/** Draining waits for subscriptions that may hang with the server; a stop must not. */
const CLOSE_TIMEOUT_MS = 1_000;

/** A connection to NATS that may come later and may be lost: what uses it is there before, and again with each new connection. */
export class NatsLink {
  readonly #options: BusOptions;
  readonly #uses = new Set<Use>();
  readonly #closing = new AbortController();
  readonly #onConnected: () => void;
  #nats: NatsConnection | null = null;
  #isConnected = false;

  private constructor(options: BusOptions, onConnected: () => void) {
    this.#options = options;
    this.#onConnected = onConnected;
  }

  /**
   * @param onConnected called after each connection but one that is there at once.
   * @throws {LongshoreError} CONFIG_INVALID for files that can't be used and a certificate that isn't trusted; BUS_UNAVAILABLE when the
   * login is refused, or, unless `waitForServer`, when no server answers.
   */
  static async open(options: BusOptions, onConnected: () => void): Promise<NatsLink> {
    const settings = natsOptions(options);
    const link = new NatsLink(options, onConnected);
    try {
      link.#take(await connect(settings));
    } catch (cause) {
      const error = connectError(cause, options);
      const canPass = !(cause instanceof AuthorizationError) && !isUntrusted(cause);
      if (options.waitForServer !== true || !canPass) throw error;
      options.onWaiting?.(error);
      void link.#connectLater(error);
    }
    return link;
  }

  get isConnected(): boolean {
    return this.#isConnected;
  }

  /** The connection; null while there has been none yet. */
  get nats(): NatsConnection | null {
    return this.#nats;
  }

  /** @param start called with each connection: now, or when there is one. */
  use(start: Use['start']): Subscription {
    const use: Use = { start, running: this.#nats === null || this.#nats.isClosed() ? null : start(this.#nats) };
    this.#uses.add(use);
    return {
      close: () => {
        this.#uses.delete(use);
        use.running?.close();
      },
    };
  }

  async close(): Promise<void> {
    this.#closing.abort();
    const nats = this.#nats;
    if (nats === null || nats.isClosed()) return;
    if (!this.#isConnected) return nats.close();
    const limit = wait(CLOSE_TIMEOUT_MS, undefined, { ref: false });
    await Promise.race([nats.drain().catch(() => nats.close()), limit]);
    await nats.close();
  }

  /** @param reason why there is none; replaced when the client library gives up. */
  async #connectLater(reason: Error): Promise<void> {
    const { signal } = this.#closing;
    let error = reason;
    while (!signal.aborted) {
      try {
        await wait(reconnectWaitMs(), undefined, { signal });
        // One call makes all attempts: each attempt closes the one before it, which a call of its own would leave open.
        const nats = await connect({
          ...natsOptions(this.#options),
          waitOnFirstConnect: true,
          reconnectDelayHandler: () => {
            signal.throwIfAborted();
            this.#options.onWaiting?.(error);
            return reconnectWaitMs();
          },
        });
        if (isAborted(signal)) {
          await nats.close();
          return;
        }
        this.#take(nats);
        for (const use of this.#uses) use.running = use.start(nats);
        this.#onConnected();
        return;
      } catch (cause) {
        error = connectError(cause, this.#options);
      }
    }
  }

  #take(nats: NatsConnection): void {
    this.#nats = nats;
    this.#isConnected = true;
    void this.#watch(nats);
  }

  async #watch(nats: NatsConnection): Promise<void> {
    for await (const status of nats.status()) {
      if (status.type === 'disconnect') this.#isConnected = false;
      if (status.type === 'reconnect') {
        this.#isConnected = true;
        this.#onConnected();
      }
    }
    // It is over: closed here, or given up by the client library, as after two refused logins.
    this.#isConnected = false;
    if (this.#options.waitForServer === true && !this.#closing.signal.aborted)
      void this.#connectLater(new LongshoreError('BUS_UNAVAILABLE', 'the connection to NATS was given up'));
  }
}

/** Read through a call, because the compiler believes that `aborted` can't change within a function. */
function isAborted(signal: AbortSignal): boolean {
  return signal.aborted;
}
