/** Connections that a type can declare for a meta, and the longest name of one, in characters. */
export const MAX_CONNECTIONS = 1_000;
export const MAX_CONNECTION_NAME = 256;

/** The words of the error CONNECTION_UNKNOWN for a connection that a type doesn't declare for its task's meta. */
export function notDeclared(type: string, name: string): string {
  return `${type} doesn't name the connection ${JSON.stringify(name)} in its connections for this task's meta`;
}
