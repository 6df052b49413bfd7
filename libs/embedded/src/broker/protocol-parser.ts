import { ProtocolViolation, violations } from './protocol-violation.ts';

/** One PUB or HPUB. Texts are latin1, so that any bytes of a subject come out as they came in. */
export interface Publication {
  readonly subject: string;
  readonly reply: string | undefined;
  /** Length of the header block at the start of the payload; -1 for PUB, which has none. */
  readonly headerBytes: number;
  /** Headers and payload, followed by CR LF: it is sent on as it came. */
  readonly body: Buffer;
}

/** What the parser found, in the order it arrived. */
export interface ProtocolHandler {
  /** False until a client that must give a token has given it: CONNECT is the only operation then. */
  readonly isAuthorized: boolean;
  /** True when nothing more of this client is wanted. */
  readonly isClosed: boolean;
  /** False when the client did not ask for headers in CONNECT. */
  readonly hasHeaders: boolean;
  connect(options: unknown): void;
  publish(publication: Publication): void;
  subscribe(subject: string, queue: string | undefined, sid: string): void;
  unsubscribe(sid: string, maxCount: number): void;
  ping(): void;
  pong(): void;
}

type PublicationHead = Omit<Publication, 'body'> & { readonly size: number };

/** The real server's default, for CONNECT as for everything else. */
const maxControlLineBytes = 4_096;

const lf = 10;
const cr = 13;

/**
 * Reads the client's side of the NATS protocol from chunks that may end at any byte. A payload that lies within one chunk
 * is handed on as a view of it; one that spans several is put together in a buffer of its final size.
 *
 * Source: the NATS client protocol, https://docs.nats.io/reference/reference-protocols/nats-protocol
 */
export class ProtocolParser {
  readonly #handler: ProtocolHandler;
  readonly #maxPayloadBytes: number;
  #partialLine = '';
  #head: PublicationHead | undefined;
  #partialBody: Buffer | undefined;
  #partialBytes = 0;

  constructor(handler: ProtocolHandler, maxPayloadBytes: number) {
    this.#handler = handler;
    this.#maxPayloadBytes = maxPayloadBytes;
  }

  /** @throws {ProtocolViolation} when the client must be cut off. */
  push(chunk: Buffer): void {
    let offset = 0;
    while (offset < chunk.length && !this.#handler.isClosed) {
      offset = this.#head === undefined ? this.#readLine(chunk, offset) : this.#readBody(this.#head, chunk, offset);
    }
  }

  #readLine(chunk: Buffer, offset: number): number {
    const lineEnd = chunk.indexOf(lf, offset);
    const end = lineEnd === -1 ? chunk.length : lineEnd;
    if (this.#partialLine.length + end - offset > maxControlLineBytes) {
      throw new ProtocolViolation(violations.maxControlLine);
    }
    if (lineEnd === -1) {
      this.#partialLine += chunk.toString('latin1', offset, end);
      return end;
    }
    let line = chunk.toString('latin1', offset, end);
    if (this.#partialLine !== '') line = this.#partialLine + line;
    this.#partialLine = '';
    this.#run(line.endsWith('\r') ? line.slice(0, -1) : line);
    return end + 1;
  }

  #readBody(head: PublicationHead, chunk: Buffer, offset: number): number {
    const size = head.size + 2;
    if (this.#partialBody === undefined && chunk.length - offset >= size) {
      this.#finish(head, chunk.subarray(offset, offset + size));
      return offset + size;
    }
    this.#partialBody ??= Buffer.allocUnsafe(size);
    const copied = chunk.copy(this.#partialBody, this.#partialBytes, offset);
    this.#partialBytes += copied;
    if (this.#partialBytes === size) {
      const body = this.#partialBody;
      this.#partialBody = undefined;
      this.#partialBytes = 0;
      this.#finish(head, body);
    }
    return offset + copied;
  }

  #finish({ subject, reply, headerBytes, size }: PublicationHead, body: Buffer): void {
    this.#head = undefined;
    if (body[size] !== cr || body[size + 1] !== lf) throw new ProtocolViolation(violations.unknownOperation);
    this.#handler.publish({ subject, reply, headerBytes, body });
  }

  #run(line: string): void {
    const handler = this.#handler;
    const [operation = '', ...args] = fieldsOf(line);
    const name = operation.toUpperCase();
    if (!handler.isAuthorized && name !== 'CONNECT') throw new ProtocolViolation(violations.authorization);
    switch (name) {
      case 'PUB':
        this.#head = this.#publicationHead(args);
        break;
      case 'HPUB':
        this.#head = this.#publicationWithHeaders(args);
        break;
      case 'SUB':
        this.#subscribe(args);
        break;
      case 'UNSUB':
        this.#unsubscribe(args);
        break;
      case 'PING':
        handler.ping();
        break;
      case 'PONG':
        handler.pong();
        break;
      case 'CONNECT':
        handler.connect(parseOptions(line.slice(line.indexOf(operation) + operation.length)));
        break;
      case '+OK':
      case 'INFO':
        break;
      case '-ERR':
        throw new ProtocolViolation();
      default:
        throw new ProtocolViolation(violations.unknownOperation);
    }
  }

  #publicationHead(args: readonly string[]): PublicationHead {
    if (args.length < 2 || args.length > 3) throw new ProtocolViolation();
    const [subject = ''] = args;
    const size = this.#parseSize(args.at(-1));
    return { subject, reply: args.length === 3 ? args[1] : undefined, headerBytes: -1, size };
  }

  #publicationWithHeaders(args: readonly string[]): PublicationHead {
    if (args.length < 3 || args.length > 4 || !this.#handler.hasHeaders) throw new ProtocolViolation();
    const [subject = ''] = args;
    const headerBytes = this.#parseSize(args.at(-2));
    const size = this.#parseSize(args.at(-1));
    if (headerBytes > size) throw new ProtocolViolation();
    return { subject, reply: args.length === 4 ? args[1] : undefined, headerBytes, size };
  }

  #parseSize(text: string | undefined): number {
    if (text === undefined || !/^\d{1,9}$/.test(text)) throw new ProtocolViolation();
    const size = Number(text);
    if (size > this.#maxPayloadBytes) throw new ProtocolViolation(violations.maxPayload);
    return size;
  }

  #subscribe(args: readonly string[]): void {
    const [subject, queueOrSid, sid] = args;
    if (subject === undefined || queueOrSid === undefined || args.length > 3) throw new ProtocolViolation();
    if (sid === undefined) this.#handler.subscribe(subject, undefined, queueOrSid);
    else this.#handler.subscribe(subject, queueOrSid, sid);
  }

  #unsubscribe(args: readonly string[]): void {
    const [sid, maxCount] = args;
    if (sid === undefined) throw new ProtocolViolation(violations.unknownOperation);
    if (args.length > 2) throw new ProtocolViolation();
    // A count that is no number ends the subscription at once, as in the real server.
    this.#handler.unsubscribe(sid, maxCount !== undefined && /^\d{1,9}$/.test(maxCount) ? Number(maxCount) : 0);
  }
}

/** Spaces and tabs separate fields, any number of them. */
function fieldsOf(line: string): string[] {
  if (!line.includes('\t') && !line.includes('  ')) return line.trimEnd().split(' ');
  return line.split(/[ \t]+/).filter((field) => field !== '');
}

function parseOptions(text: string): unknown {
  try {
    return JSON.parse(Buffer.from(text, 'latin1').toString('utf8'));
  } catch {
    throw new ProtocolViolation();
  }
}
