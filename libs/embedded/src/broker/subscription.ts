import type { ClientConnection } from './client-connection.ts';

/** One SUB of one client. Counts are changed by the delivery alone. */
export interface Subscription {
  readonly connection: ClientConnection;
  readonly sid: string;
  readonly subject: string;
  /** Name of its queue group; `undefined` for a subscription that gets every message. */
  readonly queue: string | undefined;
  /** Messages delivered so far, and after how many it ends (UNSUB with a count); 0 is never. */
  deliveredCount: number;
  maxCount: number;
  isClosed: boolean;
}
