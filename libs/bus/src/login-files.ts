import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { createSecureContext } from 'node:tls';
import { LongshoreError } from '@longshore/core';
import { credsAuthenticator, nkeyAuthenticator, type Authenticator } from '@nats-io/transport-node';
import type { LoginFiles, TlsFiles } from './bus-options.ts';

/** Any text: what a server would ask to be signed. */
const NONCE = 'nonce';

/**
 * The client library's form of a login by file.
 *
 * @throws {LongshoreError} CONFIG_INVALID naming a file that can't be read, or that isn't what it should be, and for both at once.
 */
export function authenticatorOf({ credentialsFile, nkeyFile }: LoginFiles): Authenticator | undefined {
  if (credentialsFile !== undefined && nkeyFile !== undefined) {
    throw new LongshoreError('CONFIG_INVALID', 'a NATS credentials file and an nkey are two logins: name one of them');
  }
  if (credentialsFile !== undefined) {
    return proven(credentialsFile, 'credentials', (content) => credsAuthenticator(content));
  }
  if (nkeyFile !== undefined) {
    return proven(nkeyFile, 'nkey seed', (content) => nkeyAuthenticator(Buffer.from(content.toString().trim())));
  }
  return undefined;
}

/** Signs once, so that a broken file is known at once: the client library would take it for a server that is away. */
function proven(path: string, what: string, make: (content: Buffer) => Authenticator): Authenticator {
  const authenticator = make(readLoginFile(path, what));
  try {
    authenticator(NONCE);
  } catch (cause) {
    throw new LongshoreError('CONFIG_INVALID', `the NATS ${what} file ${path} holds none`, { cause });
  }
  return authenticator;
}

/**
 * Checks the files of a TLS connection. The client library reads them again for each connection, so that they may be renewed.
 *
 * @throws {LongshoreError} CONFIG_INVALID naming what can't be read, or isn't in PEM form.
 */
export function checkTlsFiles({ ca, cert, key }: TlsFiles): void {
  const read = (path: string | undefined, what: string): Buffer | undefined =>
    path === undefined ? undefined : readLoginFile(path, what);
  const files = { ca: read(ca, 'CA'), cert: read(cert, 'certificate'), key: read(key, 'key') };
  try {
    // A context takes any text for a CA, and then trusts nothing.
    if (files.ca !== undefined) new X509Certificate(files.ca);
    createSecureContext(files);
  } catch (cause) {
    const names = [ca, cert, key].filter((path) => path !== undefined).join(', ');
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new LongshoreError('CONFIG_INVALID', `the NATS TLS files ${names} don't fit: ${reason}`, { cause });
  }
}

function readLoginFile(path: string, what: string): Buffer {
  try {
    return readFileSync(path);
  } catch (cause) {
    const code = (cause as { code?: unknown }).code;
    throw new LongshoreError('CONFIG_INVALID', `the NATS ${what} file ${path} can't be read (${String(code)})`, {
      cause,
    });
  }
}
