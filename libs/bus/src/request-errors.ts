import { brand, hasBrand, LongshoreError, type ErrorData } from '@longshore/core';
import {
  ClosedConnectionError,
  DrainingConnectionError,
  InvalidArgumentError,
  NoRespondersError,
  RequestError,
  TimeoutError,
} from '@nats-io/transport-node';

/** The client library's errors of a request as ours. */
export function requestError(thrown: unknown, method: string, timeoutMs: number): unknown {
  if (isTooLarge(thrown)) return tooLarge(`the request ${method}`, thrown);
  if (thrown instanceof NoRespondersError || (thrown instanceof RequestError && thrown.isNoResponders())) {
    return new LongshoreError('BUS_UNAVAILABLE', `no owner answers ${method}; is an owner running in this cluster?`, {
      cause: thrown,
    });
  }
  if (thrown instanceof TimeoutError || (thrown instanceof RequestError && thrown.cause instanceof TimeoutError)) {
    return new LongshoreError('BUS_TIMEOUT', `${method} was not answered within ${timeoutMs} ms`, { cause: thrown });
  }
  if (
    thrown instanceof ClosedConnectionError ||
    thrown instanceof DrainingConnectionError ||
    thrown instanceof RequestError
  ) {
    return new LongshoreError('BUS_UNAVAILABLE', `${method} could not be sent: the connection to NATS is closed`, {
      cause: thrown,
    });
  }
  return thrown;
}

/** Whether the client library refused a message because the server would. */
export function isTooLarge(thrown: unknown): boolean {
  return thrown instanceof InvalidArgumentError && thrown.message.includes('max_payload');
}

/** @param what the message, such as `the reply of task.list`. */
export function tooLarge(what: string, cause: unknown): LongshoreError {
  return new LongshoreError(
    'BUS_MESSAGE_TOO_LARGE',
    `${what} is too large for the NATS server; ask for less at once, or raise its max_payload`,
    { cause },
  );
}

/** An error that came over the wire, thrown here with the code, the permanence, the details and the causes that it had there. */
export class RemoteError extends Error {
  override readonly name = 'RemoteError';
  readonly code: string;
  readonly permanent: boolean;
  readonly details: Readonly<Record<string, unknown>> | undefined;

  static {
    brand(this, 'remote-error');
  }

  /** Whether this is one, also of another copy of this package. */
  static is(thrown: unknown): thrown is RemoteError {
    return hasBrand(thrown, 'remote-error');
  }

  constructor(data: ErrorData) {
    super(data.message, data.cause === undefined ? undefined : { cause: new RemoteError(data.cause) });
    this.code = data.code;
    this.permanent = data.permanent;
    this.details = data.details;
  }
}
