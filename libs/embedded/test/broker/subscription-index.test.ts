import fc from 'fast-check';
import { describe, expect, test } from 'vitest';

import { SubscriptionIndex } from '../../src/broker/subscription-index.ts';
import type { Subscription } from '../../src/broker/subscription.ts';

function subscription(subject: string, queue?: string): Subscription {
  // The index never touches the connection.
  const connection = undefined as unknown as Subscription['connection'];
  return { connection, sid: '1', subject, queue, deliveredCount: 0, maxCount: 0, isClosed: false };
}

/** The rule, as the documentation of NATS subjects words it. */
function matches(pattern: readonly string[], subject: readonly string[]): boolean {
  const [wanted, ...wantedRest] = pattern;
  const [given, ...givenRest] = subject;
  if (wanted === undefined || given === undefined) return wanted === given;
  if (wanted === '>') return true;
  return (wanted === '*' || wanted === given) && matches(wantedRest, givenRest);
}

const token = fc.constantFrom('a', 'b', 'c');
const literal = fc.array(token, { minLength: 1, maxLength: 4 }).map((tokens) => tokens.join('.'));
const pattern = fc
  .tuple(fc.array(fc.oneof(token, fc.constant('*')), { minLength: 1, maxLength: 4 }), fc.boolean())
  .map(([tokens, isOpen]) => [...tokens, ...(isOpen ? ['>'] : [])].join('.'));

describe('SubscriptionIndex', () => {
  test('finds what the rule of wildcards says, while subscriptions come and go', () => {
    const step = fc.record({
      pattern,
      subject: literal,
      queue: fc.constantFrom(undefined, 'q', 'w'),
      keep: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(step, { maxLength: 30 }), (steps) => {
        const index = new SubscriptionIndex();
        const open = new Set<Subscription>();
        for (const { pattern: wanted, subject, queue, keep } of steps) {
          const added = subscription(wanted, queue);
          index.add(added);
          open.add(added);
          const found = index.match(subject);
          const expected = [...open].filter((each) => matches(each.subject.split('.'), subject.split('.')));
          expect(new Set([...found.plain, ...found.groups.flat()])).toEqual(new Set(expected));
          expect(found.plain.every((each) => each.queue === undefined)).toBe(true);
          const queues = expected.map((each) => each.queue).filter((each) => each !== undefined);
          expect(found.groups).toHaveLength(new Set(queues).size);
          if (keep) continue;
          index.remove(added);
          open.delete(added);
        }
        expect(index.size).toBe(open.size);
      }),
    );
  });

  test('forgets cached answers when they are many, and empty ones when someone subscribes', () => {
    const index = new SubscriptionIndex();
    for (let number = 0; number < 10_000; number += 1) index.match(`reply.${number}`);
    const added = subscription('reply.>');
    index.add(added);
    expect(index.match('reply.7').plain).toEqual([added]);
  });
});
