/**
 * What a hook threw, or an error in its place when looking at it throws: a getter or a proxy must not end the runner, and the work of others with it.
 */
export function readableThrown(thrown: unknown): unknown {
  try {
    touch(thrown);
    return thrown;
  } catch (cause) {
    return new Error('the hook threw a value that throws itself when it is looked at', { cause: String(typeof cause) });
  }
}

/** The fields that errors are told by. */
const FIELDS = ['name', 'message', 'stack', 'code', 'permanent', 'details', 'cause', 'errors', 'reason', 'afterMs'];

function touch(value: unknown): void {
  if ((typeof value !== 'object' && typeof value !== 'function') || value === null) return;
  void (value instanceof Error);
  for (const field of FIELDS) void (value as Readonly<Record<string, unknown>>)[field];
}
