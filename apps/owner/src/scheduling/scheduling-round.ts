import {
  readNodes,
  readPinnedSlots,
  readSchedulingSnapshot,
  readSettings,
  readTogether,
  type Db,
  type OwnerWrites,
  type ScheduledTask,
  type StoredNode,
} from '@longshore/store';
import type { Tracing } from '@longshore/telemetry';
import { MoveSpans } from './move-spans.ts';
import { RequestChecker } from '../checking/request-checker.ts';
import type { PassResult } from './pass-result.ts';
import { schedulingPass, type PassLogger } from './scheduling-pass.ts';
import { TypeCatalog } from '../types/type-catalog.ts';
import { validateSubmitted } from '../checking/validate-submitted.ts';

/** What the leading owner's rounds work with. */
export interface RoundContext {
  readonly db: Db;
  readonly writes: OwnerWrites;
  readonly logger: PassLogger;
  /** Null: nothing is traced. */
  readonly tracing: Tracing | null;
  /** Tasks that have slots at once, where the cluster's settings don't say. */
  readonly maxScheduledTasks: number;
}

/** What a round saw and changed. */
export interface RoundResult extends PassResult {
  readonly tasks: readonly ScheduledTask[];
  readonly nodes: readonly StoredNode[];
}

/**
 * The owner's round: reads everything that the decisions need in a constant number of queries, then makes one scheduling pass. What it
 * answers runs it; types and traces are kept from one round to the next.
 */
export function schedulingRounds({
  db,
  writes,
  logger,
  tracing,
  maxScheduledTasks,
}: RoundContext): () => Promise<RoundResult> {
  const spans = new MoveSpans(tracing, db);
  const types = new TypeCatalog(db);
  const checker = new RequestChecker(db);
  return async () => {
    const [tasks, nodes, pinned, settings] = await readTogether(db, (session) =>
      Promise.all([
        readSchedulingSnapshot(session),
        readNodes(session),
        readPinnedSlots(session),
        readSettings(session),
      ]),
    );
    await spans.prepare(tasks);
    const result = await schedulingPass(
      {
        tasks,
        nodes,
        typeOf: (task) => types.get(task.type, task.typeVersion),
        versionsOf: (type) => types.versionsOf(type),
        maxScheduledTasks: settings.maxScheduledTasks ?? maxScheduledTasks,
        pinned,
        validate: (id) => validateSubmitted(db, checker, writes, id),
        around: (task, move, carryOut) => spans.around(task, move, carryOut),
      },
      writes,
      logger,
    );
    return { ...result, tasks, nodes };
  };
}
