import { connect, createServer, type AddressInfo, type Socket } from 'node:net';

/** A TCP proxy on loopback between a service and a server, for tests of bad networks. */
export interface TcpProxy {
  readonly host: string;
  readonly port: number;
  /** The same URL through the proxy. */
  through(url: string): string;
  /** Ends every connection at once, as a crashed network device does; new ones are accepted. */
  cut(): void;
  /**
   * Forwards nothing any more, in either direction, and closes nothing: both ends believe in connections that are dead, like
   * after a pulled cable. Connections made from now on hang as well.
   */
  freeze(): void;
  /**
   * Forwards nothing any more on the connections that are open now, for ever, and closes none of them: neither end learns of it. Connections
   * made from now on work, like after a firewall has lost its state.
   */
  dropSilently(): void;
  /** Ends frozen forwarding: what was kept back flows. */
  thaw(): void;
  /** Keeps back everything in both directions for so many milliseconds; 0 for none. */
  delay(ms: number): void;
  /**
   * Passes this text on when a client sends it next, within one chunk, and breaks that connection instead of passing on the answer: the
   * server did what the client will never know of.
   */
  loseAnswerTo(text: string): void;
  /** Breaks the connection of the client that sends this text next, within one chunk, instead of passing it on: the server never gets it. */
  loseRequest(text: string): void;
  /** Refuses new connections (true), or takes them again (false). */
  refuse(isRefusing: boolean): void;
  close(): Promise<void>;
}

/** Starts a proxy to a server given by URL or host and port. */
export async function startTcpProxy(target: { readonly host: string; readonly port: number }): Promise<TcpProxy> {
  const pairs = new Set<readonly [Socket, Socket]>();
  const dropped = new WeakSet<Socket>();
  let isFrozen = false;
  let isRefusing = false;
  let delayMs = 0;
  let losing: { readonly text: string; readonly what: 'request' | 'answer' } | null = null;

  /** Registered before the forwarding, so that it breaks the connection before anything is written to it. */
  const watchForLoss = (inbound: Socket, outbound: Socket): void => {
    let isAnswerLost = false;
    inbound.on('data', (chunk) => {
      if (losing === null || !chunk.includes(losing.text)) return;
      if (losing.what === 'answer') isAnswerLost = true;
      else for (const socket of [inbound, outbound]) socket.destroy();
      losing = null;
    });
    outbound.on('data', () => {
      if (isAnswerLost) inbound.destroy();
    });
  };

  const forward = (from: Socket, to: Socket): void => {
    const isDead = (): boolean => isFrozen || dropped.has(from);
    from.on('data', (chunk: Buffer) => {
      const send = (): void => {
        if (dropped.has(from) || to.destroyed) return;
        if (!to.write(chunk)) {
          from.pause();
          to.once('drain', () => {
            if (!isFrozen) from.resume();
          });
        }
      };
      if (delayMs > 0) setTimeout(send, delayMs);
      else send();
    });
    // Half-closed and broken ends are passed on, except through a dead connection: there nobody gets to know.
    from.on('end', () => {
      if (!isDead()) to.end();
    });
    from.on('close', () => {
      if (!isDead()) to.destroy();
    });
    from.on('error', () => undefined);
  };

  const server = createServer({ allowHalfOpen: true, pauseOnConnect: true }, (inbound) => {
    if (isRefusing) {
      inbound.destroy();
      return;
    }
    const outbound = connect({ host: target.host, port: target.port, allowHalfOpen: true });
    const pair = [inbound, outbound] as const;
    pairs.add(pair);
    // Known until both have closed: where nothing is forwarded, the close of the proxy ends the other one.
    for (const socket of pair) {
      socket.on('close', () => {
        if (pair.every(({ destroyed }) => destroyed)) pairs.delete(pair);
      });
    }
    watchForLoss(inbound, outbound);
    forward(inbound, outbound);
    forward(outbound, inbound);
    if (isFrozen) outbound.pause();
    else inbound.resume();
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as AddressInfo;
  const destroyAll = (): void => {
    for (const [inbound, outbound] of pairs) {
      inbound.destroy();
      outbound.destroy();
    }
    pairs.clear();
  };
  return {
    host: '127.0.0.1',
    port,
    through: (url) => {
      const changed = new URL(url);
      changed.hostname = '127.0.0.1';
      changed.port = String(port);
      return changed.href;
    },
    cut: destroyAll,
    freeze: () => {
      isFrozen = true;
      for (const pair of pairs) for (const socket of pair) socket.pause();
    },
    dropSilently: () => {
      for (const pair of pairs) for (const socket of pair) dropped.add(socket);
    },
    thaw: () => {
      isFrozen = false;
      for (const pair of pairs) for (const socket of pair) socket.resume();
    },
    delay: (ms) => {
      delayMs = ms;
    },
    loseAnswerTo: (text) => {
      losing = { text, what: 'answer' };
    },
    loseRequest: (text) => {
      losing = { text, what: 'request' };
    },
    refuse: (refusing) => {
      isRefusing = refusing;
    },
    close: () => {
      destroyAll();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}
