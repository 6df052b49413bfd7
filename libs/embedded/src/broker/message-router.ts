import type { BrokerStats } from './broker-options.ts';
import type { Publication } from './protocol-parser.ts';
import type { Subscriber, Subscription } from './subscription.ts';
import { SubscriptionIndex, type Recipients } from './subscription-index.ts';

/** What a client that asked for it gets when nobody listens: a status without a payload. */
const noResponders = Buffer.from('NATS/1.0 503\r\n\r\n\r\n', 'latin1');

/** Brings a message from the client that published it to those that subscribed. */
export class MessageRouter {
  readonly #index = new SubscriptionIndex();
  readonly #random: () => number;
  readonly #connections = new Set<Subscriber>();
  #waiting = new Set<Subscriber>();
  #inMessages = 0;
  #inBytes = 0;
  #outMessages = 0;
  #outBytes = 0;
  #slowConsumers = 0;

  constructor(random: () => number) {
    this.#random = random;
  }

  get stats(): BrokerStats {
    return {
      connections: this.#connections.size,
      subscriptions: this.#index.size,
      inMessages: this.#inMessages,
      inBytes: this.#inBytes,
      outMessages: this.#outMessages,
      outBytes: this.#outBytes,
      slowConsumers: this.#slowConsumers,
    };
  }

  /** How many there are, of all clients. */
  get subscriptions(): number {
    return this.#index.size;
  }

  /** How many clients there are. */
  get connections(): number {
    return this.#connections.size;
  }

  welcome(connection: Subscriber): void {
    this.#connections.add(connection);
  }

  forget(connection: Subscriber): void {
    this.#connections.delete(connection);
    this.#waiting.delete(connection);
  }

  closeAll(): void {
    for (const connection of this.#connections) connection.close();
  }

  add(subscription: Subscription): void {
    this.#index.add(subscription);
  }

  remove(subscription: Subscription): void {
    this.#index.remove(subscription);
  }

  recipientsOf(subject: string): Recipients {
    return this.#index.match(subject);
  }

  countSlowConsumer(): void {
    this.#slowConsumers += 1;
  }

  route(from: Subscriber, publication: Publication): void {
    this.#inMessages += 1;
    this.#inBytes += publication.body.length - 2;
    const { plain, groups } = this.#index.match(publication.subject);
    let isDelivered = false;
    for (const subscription of plain) {
      if (this.#deliver(from, subscription, publication)) isDelivered = true;
    }
    for (const group of groups) {
      if (this.#deliverToOne(from, group, publication)) isDelivered = true;
    }
    if (!isDelivered) this.#answerNoResponders(from, publication.reply);
  }

  /**
   * Writes to a client happen after everything that has arrived by now is routed: one system call for many messages,
   * and no later than the next turn of the event loop.
   */
  flushSoon(connection: Subscriber): void {
    if (this.#waiting.size === 0) setImmediate(() => this.#flush());
    this.#waiting.add(connection);
  }

  #flush(): void {
    const waiting = this.#waiting;
    this.#waiting = new Set();
    for (const connection of waiting) connection.flush();
  }

  /** A random member; the next ones when it does not take the message (it publishes itself and wants no echo). */
  #deliverToOne(from: Subscriber, group: readonly Subscription[], publication: Publication): boolean {
    const first = Math.floor(this.#random() * group.length);
    for (let step = 0; step < group.length; step += 1) {
      const member = group[(first + step) % group.length];
      if (member !== undefined && this.#deliver(from, member, publication)) return true;
    }
    return false;
  }

  #deliver(from: Subscriber, subscription: Subscription, publication: Publication): boolean {
    const { connection, sid } = subscription;
    if (subscription.isClosed || (connection === from && !from.hasEcho)) return false;
    subscription.deliveredCount += 1;
    connection.send(sid, publication);
    if (subscription.deliveredCount === subscription.maxCount) connection.end(subscription);
    this.#outMessages += 1;
    this.#outBytes += publication.body.length - 2;
    return true;
  }

  #answerNoResponders(from: Subscriber, reply: string | undefined): void {
    if (reply === undefined || !from.wantsNoResponders) return;
    const subscription = from.subscriptionFor(reply);
    if (subscription === undefined) return;
    from.send(subscription.sid, { subject: reply, reply: undefined, headerBytes: 16, body: noResponders });
  }
}
