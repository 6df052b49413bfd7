import type { Principal } from '@longshore/core';
import { storableText } from './storable-text.ts';

/**
 * Who causes an event: a service by its name (`owner o1`), or a service that carries out what somebody asked for.
 *
 * An event keeps the two apart: `actor` is always the service, which wrote the event itself; `principal` is who asked, as far as the service was
 * told.
 */
export type Actor = string | { readonly service: string; readonly principal: Principal | null };

/** The columns of an event that say who caused it. `principal` is JSON. */
export interface ActorColumns {
  readonly actor: string;
  readonly principal: string | null;
}

export function actorColumns(actor: Actor): ActorColumns {
  if (typeof actor === 'string') return { actor: storableText(actor), principal: null };
  const { service, principal } = actor;
  return {
    actor: storableText(service),
    principal:
      principal === null
        ? null
        : JSON.stringify({ name: principal.name, role: principal.role, isVerified: principal.isVerified }),
  };
}
