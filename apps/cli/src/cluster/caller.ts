import { userInfo } from 'node:os';
import { isPrincipalText, MAX_PRINCIPAL_NAME, type PrincipalClaim } from '@longshore/core';

/**
 * Who calls, for the events of what is asked: LONGSHORE_PRINCIPAL and LONGSHORE_ROLE, then the user of the operating system. It is a claim:
 * nobody checks it.
 *
 * @returns undefined when there is no name that can be written down.
 */
export function findCaller(
  env: Readonly<Record<string, string | undefined>>,
  osUser: () => string = () => userInfo().username,
): PrincipalClaim | undefined {
  const role = env['LONGSHORE_ROLE'];
  const name = env['LONGSHORE_PRINCIPAL'] || nameOf(osUser);
  if (name === undefined) return undefined;
  return role === undefined || role === '' ? { name } : { name, role };
}

function nameOf(osUser: () => string): string | undefined {
  try {
    const name = osUser();
    return isPrincipalText(name, MAX_PRINCIPAL_NAME) ? name : undefined;
  } catch {
    // A container may run under an id that no user has.
    return undefined;
  }
}
