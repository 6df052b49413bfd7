import { kindsWith, SUBTASK_KIND_NAMES, type SubtaskKind } from '@longshore/core';
import { sql } from 'kysely';
import { expect, test } from 'vitest';
import * as predicates from '../../src/schema/kind-predicates.ts';
import { useStoreServer } from '../fixtures/store-server.ts';

const server = useStoreServer();

/** A kind of a newer build's. */
const STRANGE = 'hibernation';
const KINDS = [...SUBTASK_KIND_NAMES, STRANGE];
const isPlanned = (kind: string): boolean => kindsWith((info) => info.rows === 'planned').includes(kind as SubtaskKind);

test('partial indexes that name kinds hold what the table of kinds says', async () => {
  const session = await (await server.store()).session();
  const indexes = await session.run<{ name: string; holds: string }>(
    `SELECT c.relname AS name, pg_get_expr(i.indpred, i.indrelid) AS holds
     FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
     WHERE i.indrelid = 'subtasks'::regclass AND pg_get_expr(i.indpred, i.indrelid) LIKE '%kind%' ORDER BY 1`,
  );
  const found: Record<string, readonly string[]> = {};
  for (const { name, holds } of indexes) {
    const rows = await session.run<{ kind: string }>(
      `SELECT kind FROM unnest($1::text[]) WITH ORDINALITY AS k(kind, n),
         unnest(ARRAY['pending', 'running']) AS state, (VALUES (false)) AS f(is_idempotent)
       WHERE ${holds} GROUP BY kind ORDER BY min(n)`,
      [KINDS],
    );
    found[name] = rows.map((row) => row.kind);
  }
  const planned = KINDS.filter(isPlanned);
  expect(found).toEqual({
    subtasks_claimable: planned,
    subtasks_control: KINDS.filter((kind) => !isPlanned(kind)),
    // What may not simply be run again, of the kinds of which some may not.
    subtasks_pinned: kindsWith((info) => info.mayRunAgain === 'as planned'),
    // What names a node besides planned work that is pending or running.
    subtasks_resting: KINDS.filter((kind) => !isPlanned(kind)),
  });
  expect(planned).toEqual(kindsWith((info) => info.moves === 'spread' && info.allowance === 'slots'));
});

const EXPECTED: Readonly<Record<keyof typeof predicates, readonly string[]>> = {
  isPlanned: ['work'],
  isControl: ['prepare', 'plan', 'finish', 'revert', 'clean', 'modify', 'gates', 'tick', 'place', STRANGE],
  isKnown: ['work', 'prepare', 'plan', 'finish', 'revert', 'clean', 'modify', 'gates', 'tick', 'place'],
  isUnknown: [STRANGE],
  isAwaited: ['work', 'prepare', 'plan', 'finish', 'revert', 'clean', 'modify', STRANGE],
  isKnownControl: ['prepare', 'plan', 'finish', 'revert', 'clean', 'modify', 'gates', 'tick', 'place'],
  sharesPlaces: ['prepare', 'plan', 'finish', 'revert', 'clean', 'modify', 'place'],
  isMovableControl: ['prepare', 'plan', 'finish', 'revert', 'clean', 'modify', 'gates', 'tick', 'place'],
  isSkippable: ['work'],
};

test.each(Object.entries(EXPECTED))('the condition %s takes these kinds', async (name, kinds) => {
  const { db } = await server.store();
  const holds = predicates[name as keyof typeof predicates];
  const rows = await sql<{ kind: string }>`
    SELECT kind FROM unnest(${KINDS}::text[]) WITH ORDINALITY AS s(kind, n) WHERE ${holds()} AND ${holds('s')} ORDER BY n`.execute(
    db,
  );
  expect(rows.rows.map((row) => row.kind)).toEqual(kinds);
});
