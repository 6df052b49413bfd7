import { LongshoreError } from '@longshore/core';
import type { BusOptions } from './bus-options.ts';
import { serverList } from './nats-options.ts';

/** Node's codes of a certificate that this CA, or this name, doesn't vouch for. An expired one may be renewed. */
const UNTRUSTED: ReadonlySet<unknown> = new Set([
  'DEPTH_ZERO_SELF_SIGNED_CERT',
  'SELF_SIGNED_CERT_IN_CHAIN',
  'UNABLE_TO_GET_ISSUER_CERT',
  'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
  'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
  'ERR_TLS_CERT_ALTNAME_INVALID',
]);

/** Whether the server's certificate isn't trusted, which no waiting changes. */
export function isUntrusted(thrown: unknown): boolean {
  return UNTRUSTED.has((thrown as { code?: unknown } | null | undefined)?.code);
}

/** Why there is no connection, as an error of ours. */
export function connectError(cause: unknown, options: BusOptions): LongshoreError {
  const servers = serverList(options).map(withoutCredentials).join(', ');
  const reason = cause instanceof Error ? cause.message : String(cause);
  if (isUntrusted(cause)) {
    const text = `the certificate of NATS at ${servers} is not trusted: ${reason}; name its CA's file (--nats-ca, LONGSHORE_NATS_CA)`;
    return new LongshoreError('CONFIG_INVALID', text, { cause });
  }
  return new LongshoreError('BUS_UNAVAILABLE', `cannot connect to NATS at ${servers}: ${reason}`, { cause });
}

/** A server's address as it may be shown. */
function withoutCredentials(server: string): string {
  return server.replace(/^([a-z]+:\/\/)?.*@/, '$1');
}
