import { expect, test } from 'vitest';
import { useOwner } from '../fixtures/owner-ground.ts';

const owner = useOwner(16);

// Nobody knows their type, so rounds refuse them and move them into history.
test('tasks that another session has locked delay no other, and go on when it lets them go', async () => {
  const locked = [await owner.submit('locked one'), await owner.submit('locked two')];
  let free = '';
  const { db } = owner.store();
  await db.transaction().execute(async (other) => {
    await other.selectFrom('tasks').select('id').forUpdate().execute();
    free = await owner.submit('free');
    await owner.round();
    await owner.round();
    expect(await owner.isActive(free)).toBe(false);
    for (const id of locked) expect(await owner.isActive(id)).toBe(true);
  });
  await owner.round();
  await owner.round();
  for (const id of locked) expect(await owner.isActive(id)).toBe(false);
});
