/**
 * What a service's log line says of a task type that replaced another one of the same version; null for any other line. Only a cluster for
 * development replaces a type, and the one who develops it should know.
 */
export function replacedType(line: string): string | null {
  if (!line.includes('"TYPE_CHANGED"')) return null;
  try {
    const { code, message } = JSON.parse(line) as { readonly code?: unknown; readonly message?: unknown };
    return code === 'TYPE_CHANGED' && typeof message === 'string' ? message : null;
  } catch {
    return null;
  }
}
