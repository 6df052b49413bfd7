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
  /** Ends frozen forwarding: what was kept back flows. */
  thaw(): void;
  /** Keeps back everything in both directions for so many milliseconds; 0 for none. */
  delay(ms: number): void;
  /**
   * Passes this text on when a client sends it next, within one chunk, and breaks that connection instead of passing on the answer: the
   * server did what the client will never know of.
   */
  loseAnswerTo(text: string): void;
  /** Refuses new connections (true), or takes them again (false). */
  refuse(isRefusing: boolean): void;
  close(): Promise<void>;
}

/** Starts a proxy to a server given by URL or host and port. */
export async function startTcpProxy(target: { readonly host: string; readonly port: number }): Promise<TcpProxy> {
  const pairs = new Set<readonly [Socket, Socket]>();
  let isFrozen = false;
  let isRefusing = false;
  let delayMs = 0;
  let textToLose: string | null = null;

  /** Registered before the forwarding, so that it breaks the connection before the answer is written to it. */
  const watchForLoss = (inbound: Socket, outbound: Socket): void => {
    let isAnswerLost = false;
    inbound.on('data', (chunk) => {
      if (textToLose === null || !chunk.includes(textToLose)) return;
      textToLose = null;
      isAnswerLost = true;
    });
    outbound.on('data', () => {
      if (isAnswerLost) inbound.destroy();
    });
  };

  const forward = (from: Socket, to: Socket): void => {
    from.on('data', (chunk) => {
      const send = (): void => {
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
    // Half-closed and broken ends are passed on, except through a frozen proxy: there nobody gets to know.
    from.on('end', () => {
      if (!isFrozen) to.end();
    });
    from.on('close', () => {
      if (!isFrozen) to.destroy();
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
    // The last of the two to close, unless the proxy is frozen: then both stay known, so that a close of the proxy ends them.
    outbound.on('close', () => pairs.delete(pair));
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
    thaw: () => {
      isFrozen = false;
      for (const pair of pairs) for (const socket of pair) socket.resume();
    },
    delay: (ms) => {
      delayMs = ms;
    },
    loseAnswerTo: (text) => {
      textToLose = text;
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
