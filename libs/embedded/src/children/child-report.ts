/**
 * What a child writes on the pipe to its parent (file descriptor `LONGSHORE_PARENT_FD`): one JSON object per line.
 * The first line decides the start, later ones are messages between the two.
 */
export type ChildReport =
  | { readonly event: 'ready'; readonly info: Readonly<Record<string, unknown>> }
  | { readonly event: 'failed'; readonly code: string; readonly message: string; readonly permanent: boolean }
  | { readonly event: 'message'; readonly body: Readonly<Record<string, unknown>> };

/** Parses one line of the pipe; `undefined` when it is not a JSON object, which a child must not take down its parent with. */
export function parseChildReport(line: string): ChildReport | undefined {
  const value = parseObject(line);
  if (value === undefined) return undefined;
  const { event, ...rest } = value;
  if (event === 'ready') return { event, info: rest };
  if (event === 'failed') {
    return {
      event,
      code: typeof rest['code'] === 'string' ? rest['code'] : '',
      message: typeof rest['message'] === 'string' ? rest['message'] : 'no message was given',
      permanent: rest['permanent'] === true,
    };
  }
  return { event: 'message', body: value };
}

function parseObject(line: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(line);
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : undefined;
  } catch {
    return undefined;
  }
}
