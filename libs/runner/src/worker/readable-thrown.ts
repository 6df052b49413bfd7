/** The fields that errors are told by. */
const FIELDS = ['name', 'message', 'stack', 'code', 'permanent', 'details', 'cause', 'errors', 'reason', 'afterMs'];

/**
 * What a hook threw, or an error in its place when looking at it throws: a getter or a proxy must not end the runner, and the work of others with it.
 */
export function readableThrown(thrown: unknown): unknown {
  try {
    lookAt(thrown);
    return thrown;
  } catch {
    return new Error('the hook threw a value that throws itself when it is looked at');
  }
}

/** @throws what a getter or a trap of the value throws. */
function lookAt(value: unknown): readonly unknown[] {
  if ((typeof value !== 'object' && typeof value !== 'function') || value === null) return [];
  return [value instanceof Error, ...FIELDS.map((field) => (value as Readonly<Record<string, unknown>>)[field])];
}
