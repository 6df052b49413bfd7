/**
 * One Ctrl-C can arrive twice: from the terminal, and forwarded by the process that started this one. A later second one
 * is intended: the process ends at once.
 */
const SAME_INTERRUPT_MS = 1_000;

/**
 * Calls back when this process is to stop: at SIGTERM or SIGINT, and when the launcher that runs it in a child has ended.
 *
 * @param callback called once or more; a second signal after {@link SAME_INTERRUPT_MS} ends the process at once.
 */
export function onStopSignal(callback: () => void): void {
  let firstAtMs: number | undefined;
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.on(signal, () => {
      firstAtMs ??= performance.now();
      if (performance.now() - firstAtMs <= SAME_INTERRUPT_MS) {
        callback();
        return;
      }
      process.removeAllListeners(signal);
      process.kill(process.pid, signal);
    });
  }
  if (process.channel !== undefined) {
    process.once('disconnect', callback);
    // Being told about the launcher's end is no reason to stay.
    process.channel.unref();
  }
}
