import type { LongshoreClient } from '@longshore/client';
import { chooseTypeVersion } from '@longshore/core';

/**
 * The JSON Schema of a type's meta as the cluster has it.
 *
 * @param version - as a submit asks for it; undefined: the newest.
 * @returns undefined for a type or version that the cluster doesn't know; the request says so itself.
 */
export async function findSchema(client: LongshoreClient, type: string, version: string | undefined): Promise<unknown> {
  // The newest comes first.
  const types = await client.types(type);
  if (version === undefined) return types[0]?.schema;
  const chosen = chooseTypeVersion(
    version,
    types.map((each) => each.version),
  );
  return types.find((each) => each.version === chosen)?.schema;
}
