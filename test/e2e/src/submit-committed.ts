import { submitWithin, type SubmitRequest, type SubmittedTask } from '@longshore/client';
import type pg from 'pg';

/**
 * Submits in a transaction of its own.
 *
 * @returns what the submit answered, once it is committed.
 * @throws what the submit throws, when all is rolled back.
 */
export async function submitCommitted(client: pg.Client, request: SubmitRequest): Promise<SubmittedTask> {
  await client.query('BEGIN');
  try {
    const submitted = await submitWithin(client, request);
    await client.query('COMMIT');
    return submitted;
  } catch (error) {
    await client.query('ROLLBACK');
    throw error;
  }
}
