import {
  LockPatience,
  readPinnedSlots,
  readPresentNodes,
  readSchedulingSnapshot,
  readSettings,
  readTogether,
  type Db,
  type OwnerWrites,
  type ScheduledTask,
  type StoredNode,
} from '@longshore/store';
import type { Logger, Tracing } from '@longshore/telemetry';
import { LockedTasks } from './locked-tasks.ts';
import { MoveSpans } from './move-spans.ts';
import { RequestChecker } from '../checking/request-checker.ts';
import type { PassResult } from './pass-result.ts';
import { QueueWaits } from './queue-waits.ts';
import { schedulingPass } from './scheduling-pass.ts';
import { SetAsideTasks } from './set-aside.ts';
import { TypeCatalog } from '../types/type-catalog.ts';
import { validateSubmitted } from '../checking/validate-submitted.ts';

/** What the leading owner's rounds work with. */
export interface RoundContext {
  readonly db: Db;
  readonly writes: OwnerWrites;
  /** How long these writes wait for rows that others have locked. Default: 500 ms, until one has waited in vain. */
  readonly patience?: LockPatience;
  readonly logger: Pick<Logger, 'error' | 'warn'>;
  /** Null: nothing is traced. */
  readonly tracing: Tracing | null;
  /** Tasks that have slots at once, where the cluster's settings don't say. */
  readonly maxScheduledTasks: number;
  /** A monotonic clock, in milliseconds. Default: the process's. */
  readonly now?: () => number;
}

/** What a round saw and changed. */
export interface RoundResult extends PassResult {
  /** Those that it looked at: all but the ones behind the heads of their queues. */
  readonly tasks: readonly ScheduledTask[];
  /** Those that are present. */
  readonly nodes: readonly StoredNode[];
}

/**
 * The owner's round: reads everything that the decisions need in a constant number of queries, then makes one scheduling pass. What it
 * answers runs it; types and traces are kept from one round to the next.
 */
export function schedulingRounds({
  db,
  writes,
  patience = new LockPatience(),
  logger,
  tracing,
  maxScheduledTasks,
  now = () => performance.now(),
}: RoundContext): () => Promise<RoundResult> {
  const spans = new MoveSpans(tracing, db);
  const types = new TypeCatalog(db);
  const checker = new RequestChecker(db);
  const lockedTasks = new LockedTasks(db, logger);
  const setAsideTasks = new SetAsideTasks(logger, now);
  const queueWaits = new QueueWaits(writes);
  return async () => {
    const [tasks, nodes, pinned, settings] = await readTogether(db, (session) =>
      Promise.all([
        readSchedulingSnapshot(session, { maxScheduledTasks }),
        readPresentNodes(session),
        readPinnedSlots(session),
        readSettings(session),
      ]),
    );
    await spans.prepare(tasks);
    const locked = await lockedTasks.look();
    const setAside = setAsideTasks.current();
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
        locked,
        setAside,
        patience,
      },
      writes,
      logger,
    );
    await queueWaits.save(result.queueWaits);
    lockedTasks.note(result.locked);
    setAsideTasks.note(
      result.failed,
      tasks.map((task) => task.id),
      setAside,
    );
    return { ...result, tasks, nodes };
  };
}
