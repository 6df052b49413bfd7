/** Waits for a state that no event announces (another process is gone); says on failure what the state was. */
export async function waitUntil(what: string, isReached: () => boolean, describe: () => unknown, deadlineMs = 60_000) {
  const deadline = performance.now() + deadlineMs;
  while (!isReached()) {
    if (performance.now() > deadline) {
      throw new Error(`Waited ${deadlineMs} ms until ${what}; the state is ${JSON.stringify(describe())}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
