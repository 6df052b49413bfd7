import { LongshoreError } from '@longshore/core';
import {
  ClosedConnectionError,
  DrainingConnectionError,
  NoRespondersError,
  RequestError,
  TimeoutError,
} from '@nats-io/transport-node';

/** The client library's errors of a request as ours. */
export function requestError(thrown: unknown, method: string, timeoutMs: number): unknown {
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

/** An error that came over the wire, thrown here with the code, the permanence and the details that it had there. */
export class RemoteError extends Error {
  override readonly name = 'RemoteError';
  readonly code: string;
  readonly permanent: boolean;
  readonly details: Readonly<Record<string, unknown>> | undefined;

  constructor(data: {
    readonly code: string;
    readonly message: string;
    readonly permanent: boolean;
    readonly details?: Readonly<Record<string, unknown>> | undefined;
  }) {
    super(data.message);
    this.code = data.code;
    this.permanent = data.permanent;
    this.details = data.details;
  }
}
