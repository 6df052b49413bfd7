import { timingSafeEqual, createHash } from 'node:crypto';
import type { Socket } from 'node:net';

import { defaultConnectOptions, parseConnectOptions, type ConnectOptions } from './connect-options.ts';
import type { MessageRouter } from './message-router.ts';
import { Outbox } from './outbox.ts';
import { ProtocolParser, type ProtocolHandler, type Publication } from './protocol-parser.ts';
import { ProtocolViolation, violations } from './protocol-violation.ts';
import { isLiteralSubject, isValidSubject } from './subject.ts';
import type { Subscriber, Subscription } from './subscription.ts';

/** The real server's: a client that has not authenticated by then is none. */
const authenticationTimeoutMs = 2_000;

/** Pings that may stay unanswered. */
const maxOpenPings = 2;

/** Tokens of a subject that is subscribed to: each is a level of the index. Ours have six. */
const maxSubscriptionTokens = 16;

/** How long a client that is cut off may take to read why: closing at once would discard what it has not read. */
const closeGraceMs = 500;

export interface ConnectionLimits {
  readonly token: string | undefined;
  readonly maxPayloadBytes: number;
  readonly maxPendingBytes: number;
  readonly pingIntervalMs: number;
  /** Subscriptions of one client. */
  readonly maxSubscriptions: number;
  /** Subscriptions of all clients. */
  readonly maxAllSubscriptions: number;
}

/** One client: its options, its subscriptions, what waits to be written to it. */
export class ClientConnection implements ProtocolHandler, Subscriber {
  readonly #socket: Socket;
  readonly #router: MessageRouter;
  readonly #limits: ConnectionLimits;
  readonly #outbox = new Outbox();
  readonly #subscriptions = new Map<string, Subscription>();
  readonly #pingTimer: NodeJS.Timeout;
  #authenticationTimer: NodeJS.Timeout | undefined;
  #options: ConnectOptions = defaultConnectOptions;
  #openPings = 0;
  isAuthorized: boolean;
  isClosed = false;

  constructor(socket: Socket, router: MessageRouter, limits: ConnectionLimits, info: object) {
    this.#socket = socket;
    this.#router = router;
    this.#limits = limits;
    this.isAuthorized = limits.token === undefined;
    const parser = new ProtocolParser(this, limits.maxPayloadBytes);
    socket.setNoDelay(true);
    socket.on('data', (chunk: Buffer) => this.#read(parser, chunk));
    // A reset is an end like any other; the close event follows.
    socket.on('error', () => undefined);
    socket.on('close', () => this.#forget());
    this.#pingTimer = setInterval(() => this.#checkLife(), limits.pingIntervalMs).unref();
    if (!this.isAuthorized) {
      const timer = setTimeout(() => this.#cutOff(violations.authenticationTimeout), authenticationTimeoutMs);
      this.#authenticationTimer = timer.unref();
    }
    this.#say(`INFO ${JSON.stringify(info)} \r\n`);
  }

  get hasHeaders(): boolean {
    return this.#options.hasHeaders;
  }

  get hasEcho(): boolean {
    return this.#options.hasEcho;
  }

  get wantsNoResponders(): boolean {
    return this.#options.wantsNoResponders;
  }

  connect(given: unknown): void {
    this.#options = parseConnectOptions(given, this.#options);
    if (!this.#isTokenRight()) throw new ProtocolViolation(violations.authorization);
    this.isAuthorized = true;
    clearTimeout(this.#authenticationTimer);
    if (this.wantsNoResponders && !this.hasHeaders) throw new ProtocolViolation(violations.noRespondersNeedsHeaders);
    this.#acknowledge();
  }

  publish(publication: Publication): void {
    this.#acknowledge();
    // Only told, not refused: the message is routed all the same, as in the real server.
    if (this.#options.isPedantic && !isLiteralSubject(publication.subject)) {
      this.#say(`-ERR '${violations.invalidPublishSubject}'\r\n`);
    }
    this.#router.route(this, publication);
  }

  subscribe(subject: string, queue: string | undefined, sid: string): void {
    if (!isValidSubject(subject)) {
      this.#say(`-ERR '${violations.invalidSubject}'\r\n`);
      return;
    }
    // A second SUB with the id of an open one changes nothing.
    if (!this.#subscriptions.has(sid)) {
      const refusal = this.#refusalOf(subject);
      if (refusal !== null) {
        this.#say(`-ERR '${refusal}'\r\n`);
        return;
      }
      const counts = { deliveredCount: 0, maxCount: 0, isClosed: false };
      const subscription: Subscription = { connection: this, sid, subject, queue, ...counts };
      this.#subscriptions.set(sid, subscription);
      this.#router.add(subscription);
    }
    this.#acknowledge();
  }

  /** Why there is no room for another subscription; null: there is. The connection stays, as with the real server. */
  #refusalOf(subject: string): string | null {
    const { maxSubscriptions, maxAllSubscriptions } = this.#limits;
    if (subject.split('.').length > maxSubscriptionTokens) return violations.maxSubscriptionTokens;
    const isFull = this.#subscriptions.size >= maxSubscriptions || this.#router.subscriptions >= maxAllSubscriptions;
    return isFull ? violations.maxSubscriptions : null;
  }

  unsubscribe(sid: string, maxCount: number): void {
    const subscription = this.#subscriptions.get(sid);
    if (subscription !== undefined) {
      subscription.maxCount = maxCount;
      if (subscription.deliveredCount >= maxCount) this.end(subscription);
    }
    this.#acknowledge();
  }

  ping(): void {
    this.#say('PONG\r\n');
  }

  pong(): void {
    this.#openPings = 0;
  }

  end(subscription: Subscription): void {
    subscription.isClosed = true;
    this.#subscriptions.delete(subscription.sid);
    this.#router.remove(subscription);
  }

  /** Its own subscription that a reply to `subject` would reach, which is what a no-responders status is sent to. */
  subscriptionFor(subject: string): Subscription | undefined {
    return this.#router.recipientsOf(subject).plain.find(({ connection }) => connection === this);
  }

  /** Writes one MSG or HMSG; a client that cannot take headers gets the payload without them. */
  send(sid: string, { subject, reply, headerBytes, body }: Publication): void {
    const size = body.length - 2;
    const address = reply === undefined ? `${subject} ${sid}` : `${subject} ${sid} ${reply}`;
    if (headerBytes >= 0 && this.hasHeaders) {
      this.#outbox.addText(`HMSG ${address} ${headerBytes} ${size}\r\n`);
      this.#outbox.addBytes(body);
    } else {
      const skipped = Math.max(headerBytes, 0);
      this.#outbox.addText(`MSG ${address} ${size - skipped}\r\n`);
      this.#outbox.addBytes(skipped === 0 ? body : body.subarray(skipped));
    }
    this.#afterWrite();
  }

  /** Hands what has gathered to the socket. */
  flush(): void {
    if (this.#outbox.bytes > 0 && !this.#socket.destroyed) this.#outbox.writeTo(this.#socket);
  }

  close(): void {
    this.#forget();
    this.#socket.destroy();
  }

  #read(parser: ProtocolParser, chunk: Buffer): void {
    try {
      if (!this.isClosed) parser.push(chunk);
    } catch (error) {
      // Whatever a client makes go wrong ends that client: everybody else's broker goes on.
      if (!ProtocolViolation.is(error)) process.emitWarning(error instanceof Error ? error : String(error));
      this.#cutOff(ProtocolViolation.is(error) ? error.reply : undefined);
    }
  }

  #acknowledge(): void {
    if (this.#options.isVerbose) this.#say('+OK\r\n');
  }

  #say(text: string): void {
    if (this.isClosed) return;
    this.#outbox.addText(text);
    this.#afterWrite();
  }

  #afterWrite(): void {
    if (this.#socket.writableLength + this.#outbox.bytes > this.#limits.maxPendingBytes) {
      this.#router.countSlowConsumer();
      this.close();
    } else {
      this.#router.flushSoon(this);
    }
  }

  /** Both sides are hashed, so that the comparison takes the same time for any guess. */
  #isTokenRight(): boolean {
    const { token } = this.#limits;
    if (token === undefined) return true;
    const digest = (text: string) => createHash('sha256').update(text).digest();
    return timingSafeEqual(digest(this.#options.token ?? ''), digest(token));
  }

  #checkLife(): void {
    if (this.#openPings >= maxOpenPings) {
      this.#cutOff(violations.staleConnection);
      return;
    }
    this.#openPings += 1;
    this.#say('PING\r\n');
  }

  /** There is no room for this client: it is told, and cut off. */
  refuse(): void {
    this.#cutOff(violations.maxConnections);
  }

  #cutOff(reply: string | undefined): void {
    if (reply !== undefined) this.#say(`-ERR '${reply}'\r\n`);
    this.flush();
    this.#forget();
    this.#socket.end();
    const timer = setTimeout(() => this.#socket.destroy(), closeGraceMs).unref();
    this.#socket.once('close', () => clearTimeout(timer));
  }

  #forget(): void {
    if (this.isClosed) return;
    this.isClosed = true;
    clearInterval(this.#pingTimer);
    clearTimeout(this.#authenticationTimer);
    for (const subscription of this.#subscriptions.values()) this.end(subscription);
    this.#router.forget(this);
  }
}
