import { connect, createServer, type AddressInfo } from 'node:net';

/** A proxy in front of Postgres that counts what clients ask for. */
export interface QueryCounter {
  /** The server's URL through the proxy, without TLS. */
  readonly url: string;
  /** Statements since the start: simple queries and executions of prepared ones, BEGIN and COMMIT included. */
  readonly queries: number;
  close(): Promise<void>;
}

/** Starts a counting proxy to the Postgres of this URL. */
export async function countQueries(url: string): Promise<QueryCounter> {
  const target = new URL(url);
  let queries = 0;
  const server = createServer((client) => {
    const postgres = connect({ host: target.hostname, port: Number(target.port) });
    const count = messageReader((type) => {
      if (type === 'Q' || type === 'E') queries += 1;
    });
    client.on('data', (chunk) => {
      count(chunk);
      postgres.write(chunk);
    });
    postgres.pipe(client);
    client.on('close', () => postgres.destroy());
    for (const socket of [client, postgres]) socket.on('error', () => client.destroy());
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const through = new URL(url);
  through.hostname = '127.0.0.1';
  through.port = String((server.address() as AddressInfo).port);
  return {
    url: through.href,
    get queries() {
      return queries;
    },
    close: () => new Promise((resolve) => server.close(() => resolve())),
  };
}

/** Bytes of a message's type and of its length, which counts itself but not the type. */
const HEAD_BYTES = 5;

/** Reads the types of a client's messages out of its bytes. The first message, the start-up, has no type. */
function messageReader(onMessage: (type: string) => void): (chunk: Buffer) => void {
  let rest = Buffer.alloc(0);
  let isStarted = false;
  return (chunk) => {
    rest = Buffer.concat([rest, chunk]);
    for (;;) {
      const head = isStarted ? HEAD_BYTES : HEAD_BYTES - 1;
      if (rest.length < head) return;
      const length = rest.readUInt32BE(head - 4) + (isStarted ? 1 : 0);
      if (rest.length < length) return;
      if (isStarted) onMessage(String.fromCharCode(rest[0] ?? 0));
      isStarted = true;
      rest = rest.subarray(length);
    }
  };
}
