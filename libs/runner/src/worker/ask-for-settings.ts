import type { RunnerPort } from './runner-port.ts';

/** Asks the parent for the executor's settings of a type. Nothing else comes before the runner has said that it is ready. */
export function askForSettings(port: RunnerPort, type: string): Promise<unknown> {
  return new Promise((resolve) => {
    port.onMessage((message) => {
      if (message.kind === 'settings') resolve(message.value);
    });
    port.post({ kind: 'named', type });
  });
}
