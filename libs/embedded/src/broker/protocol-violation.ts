/** Something a client sent that ends its connection; `reply` is the text of the `-ERR` it gets first, if any. */
export class ProtocolViolation extends Error {
  override readonly name = 'ProtocolViolation';
  readonly reply: string | undefined;

  static is(thrown: unknown): thrown is ProtocolViolation {
    return thrown instanceof Error && thrown.name === 'ProtocolViolation';
  }

  constructor(reply?: string) {
    super(reply ?? 'the connection is closed without a reply');
    this.reply = reply;
  }
}

/** The texts of the real server, which clients compare with (the NATS client protocol, `-ERR`; nats-server 2.9). */
export const violations = {
  unknownOperation: 'Unknown Protocol Operation',
  authorization: 'Authorization Violation',
  authenticationTimeout: 'Authentication Timeout',
  maxPayload: 'Maximum Payload Violation',
  maxControlLine: 'maximum control line exceeded',
  noRespondersNeedsHeaders: 'no responders requires headers support',
  staleConnection: 'Stale Connection',
  invalidSubject: 'Invalid Subject',
  invalidPublishSubject: 'Invalid Publish Subject',
  maxSubscriptions: 'maximum subscriptions exceeded',
  maxSubscriptionTokens: 'subject has exceeded number of tokens limit',
  maxConnections: 'maximum connections exceeded',
} as const;
