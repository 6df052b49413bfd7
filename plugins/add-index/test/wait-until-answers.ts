import pg from 'pg';
import { vi } from 'vitest';

/** Waits until a server takes connections. @throws {Error} when it has ended instead. */
export async function waitUntilAnswers(url: string, exited: Promise<void>): Promise<void> {
  const answers = vi.waitFor(
    async () => {
      const client = new pg.Client({ connectionString: url });
      await client.connect();
      await client.end();
    },
    { timeout: 60_000 },
  );
  const ended = exited.then(() => Promise.reject(new Error(`the server of ${url} ended while it was starting`)));
  await Promise.race([answers, ended]);
}
