import { Socket } from 'node:net';

/**
 * The link to a parent process that started this one, if there is one: a duplex pipe whose file descriptor is named in
 * LONGSHORE_PARENT_FD. The child reports on it and ends when it closes, so that it never outlives its parent,
 * whatever killed that.
 */
export interface ParentLink {
  report(message: Readonly<Record<string, unknown>>): void;
  /** Calls back when the parent is gone. */
  onClosed(callback: () => void): void;
}

/** Opens the link; null when no parent asked for one. */
export function openParentLink(env: Readonly<Record<string, string | undefined>>): ParentLink | null {
  const fd = Number(env['LONGSHORE_PARENT_FD'] ?? '');
  if (!Number.isInteger(fd) || fd < 3) return null;
  const socket = new Socket({ fd, readable: true, writable: true });
  // A write to a parent that just died fails here; the close that follows is what counts.
  socket.on('error', () => undefined);
  socket.resume();
  // The service itself decides how long it lives; the link alone doesn't keep it up.
  socket.unref();
  return {
    report: (message) => void socket.write(`${JSON.stringify(message)}\n`),
    onClosed: (callback) => void socket.once('close', callback),
  };
}
