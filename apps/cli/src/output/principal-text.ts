import type { Principal } from '@longshore/client';

/** Who asked, as a person reads it. A name that nobody vouches for says so. */
export function principalText({ name, role, isVerified }: Principal): string {
  const who = role === null ? name : `${name} as ${role}`;
  return isVerified ? who : `${who} (claimed)`;
}
