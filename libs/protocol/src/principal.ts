import {
  isPrincipalText,
  LongshoreError,
  MAX_PRINCIPAL_NAME,
  MAX_PRINCIPAL_ROLE,
  type Principal,
  type PrincipalClaim,
} from '@longshore/core';
import { z } from 'zod';

/** Headers in which a request says who asks. Their values are UTF-8, percent-encoded, since not every client sends other bytes unchanged. */
export const PRINCIPAL_HEADER = 'longshore-principal';
export const ROLE_HEADER = 'longshore-role';

/** A principal as a reply shows it. */
export const principalView = z.object({ name: z.string(), role: z.string().nullable(), isVerified: z.boolean() });

/**
 * The headers of a claim, by name.
 *
 * @throws {LongshoreError} ARGUMENT_INVALID naming what is wrong with it: it is never sent.
 */
export function principalHeaders({ name, role }: PrincipalClaim): Readonly<Record<string, string>> {
  return {
    [PRINCIPAL_HEADER]: encodeURIComponent(checked('principal', name, MAX_PRINCIPAL_NAME)),
    ...(role === undefined ? {} : { [ROLE_HEADER]: encodeURIComponent(checked('role', role, MAX_PRINCIPAL_ROLE)) }),
  };
}

/**
 * Reads who asks from the headers of a request. The bus carries what a caller says of itself, so it is never verified.
 *
 * @returns null when the caller doesn't say.
 * @throws {LongshoreError} ARGUMENT_INVALID for a name or role beyond its limits: a request is not carried out under a name that can't be
 * written down.
 */
export function readPrincipal(get: (name: string) => string | undefined): Principal | null {
  const name = decoded('principal', get(PRINCIPAL_HEADER), MAX_PRINCIPAL_NAME);
  if (name === null) return null;
  return { name, role: decoded('role', get(ROLE_HEADER), MAX_PRINCIPAL_ROLE), isVerified: false };
}

function decoded(what: string, value: string | undefined, maxChars: number): string | null {
  if (value === undefined || value === '') return null;
  let text: string;
  try {
    text = decodeURIComponent(value);
  } catch (cause) {
    throw new LongshoreError('ARGUMENT_INVALID', `${what}: the header is not percent-encoded UTF-8`, { cause });
  }
  return checked(what, text, maxChars);
}

function checked(what: string, text: string, maxChars: number): string {
  if (isPrincipalText(text, maxChars)) return text;
  throw new LongshoreError(
    'ARGUMENT_INVALID',
    `${what}: expected 1 to ${maxChars} printable characters without spaces at the ends`,
    { details: { fields: [what] } },
  );
}
