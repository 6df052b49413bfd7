import { readTask } from '@longshore/store';
import { sql } from 'kysely';
import { expect, test } from 'vitest';
import { useOwner } from '../fixtures/owner-ground.ts';

const owner = useOwner(16);

test('a task that no pass can move on is set aside with its error, delays no other, and goes on when it can', async () => {
  const { db } = owner.store();
  const broken = await owner.submit('broken');
  await sql`CREATE FUNCTION public.refuse() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN RAISE EXCEPTION 'its events can not be written'; END $$`.execute(db);
  await sql`CREATE TRIGGER refuse BEFORE INSERT ON task_events FOR EACH ROW
    WHEN (NEW.task_id = ${sql.lit(Number(broken))}) EXECUTE FUNCTION public.refuse()`.execute(db);
  const clock = { now: 0 };
  const failures: unknown[] = [];
  const warnings: unknown[] = [];
  const round = owner.roundsWith({
    now: () => clock.now,
    logger: {
      error: (fields: unknown) => void failures.push(fields),
      warn: (fields: unknown) => void warnings.push(fields),
    },
  });

  // Seen before: the same error with each pass, for ever.
  for (let pass = 0; pass < 20; pass += 1) await round();
  expect(failures).toHaveLength(5);
  expect(warnings).toMatchObject([{ task_id: broken }]);
  expect(await readTask(db, broken)).toMatchObject({
    state: 'pending',
    waiting: { code: 'SET_ASIDE', message: expect.stringContaining('its events can not be written') as string },
  });
  const other = await owner.submit('other');
  await round();
  await round();
  expect(await owner.isActive(other)).toBe(false);

  clock.now += 1_000;
  await round();
  expect(failures).toHaveLength(6);
  await round();
  expect(failures).toHaveLength(6);

  await sql`DROP TRIGGER refuse ON task_events`.execute(db);
  clock.now += 2_000;
  await round();
  await round();
  expect(await owner.isActive(broken)).toBe(false);
  expect(failures).toHaveLength(6);
});
