import type { Publication } from './protocol-parser.ts';

/** A client as the one sees it who brings messages to it. */
export interface Subscriber {
  /** Whether it gets what it publishes itself. */
  readonly hasEcho: boolean;
  /** Whether it is told when nobody listens to what it asks. */
  readonly wantsNoResponders: boolean;
  /** Queues a message for it. */
  send(sid: string, publication: Publication): void;
  /** Ends one of its subscriptions. */
  end(subscription: Subscription): void;
  /** Its own subscription that a reply to `subject` would reach, which is what a no-responders status is sent to. */
  subscriptionFor(subject: string): Subscription | undefined;
  /** Writes what is queued. */
  flush(): void;
  close(): void;
}

/** One SUB of one client. Counts are changed by the delivery alone. */
export interface Subscription {
  readonly connection: Subscriber;
  readonly sid: string;
  readonly subject: string;
  /** Name of its queue group; `undefined` for a subscription that gets every message. */
  readonly queue: string | undefined;
  /** Messages delivered so far, and after how many it ends (UNSUB with a count); 0 is never. */
  deliveredCount: number;
  maxCount: number;
  isClosed: boolean;
}
