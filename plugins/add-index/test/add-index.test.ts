import { describe, expect, test } from 'vitest';
import { createOrders, useIndexTarget } from './index-target.ts';

const target = useIndexTarget();

const statement = 'CREATE INDEX ON orders (customer, lower(customer) DESC) INCLUDE (amount) WHERE amount > 0';

describe('an index', () => {
  test.each([
    [0, 1],
    [1, 2],
    [2, 4],
    [3, 8],
  ] as const)(
    'comes to a table of %i levels of partitions, valid, and a revert takes it back',
    async (depth, built) => {
      await createOrders(target.client, depth);
      const run = target.start({ statement });
      expect(await run.run()).toEqual({
        table: 'public.orders',
        index: '"public"."orders_customer_lower_amount_idx"',
        existed: false,
        built,
        adopted: 0,
        partitions: 2 ** (depth + 1) - 2,
      });
      const indexes = await target.indexes();
      expect(indexes).toHaveLength(2 ** (depth + 1) - 1);
      expect(indexes.every(({ valid, parent, table }) => valid && (table === 'orders') === (parent === null))).toBe(
        true,
      );
      await run.revert();
      expect(await target.indexes()).toEqual([]);
    },
  );

  test('that is there already is taken as it is', async () => {
    await createOrders(target.client, 1);
    await target.start({ statement }).run();
    const again = target.start({ statement });
    expect(await again.run()).toMatchObject({ existed: true, built: 0, adopted: 1 });
    await again.revert();
    expect(await target.indexes()).toHaveLength(3);
  });
});
