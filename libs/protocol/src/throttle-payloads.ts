import { z } from 'zod';

const perSecond = z.number().positive().max(1e12);

/** A task's budget: how much of each it may spend a second, over all of its nodes; at least one of them. */
export const throttleLimits = z
  .object({ rows: perSecond.optional(), bytes: perSecond.optional(), statements: perSecond.optional() })
  .refine((limits) => Object.values(limits).some((limit) => limit !== undefined), {
    message: 'name at least one of rows, bytes and statements',
  });

/** Name of a connection that executors have. */
const connection = z.string().min(1).max(64);

/** A condition on a database that must be true before a task starts a batch. Executors read it once a second. */
export const healthGate = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('replica-lag'),
    connection,
    /** Open while no replica is further behind, in milliseconds. */
    maxMs: z.int().min(1).max(86_400_000),
    /** Replicas that must be connected. Default 1. */
    minReplicas: z.int().min(0).max(100).optional(),
  }),
  z.object({
    kind: z.literal('lock-waits'),
    connection,
    /** Open while at most this many other sessions wait for locks. Default 0. */
    maxSessions: z.int().min(0).max(10_000).optional(),
    /** Shorter waits don't count, in milliseconds. Default 1,000. */
    afterMs: z.int().min(0).max(3_600_000).optional(),
  }),
  z.object({
    kind: z.literal('query'),
    connection,
    /** What it is called where it is shown. */
    name: z.string().min(1).max(64),
    /** Returns one row whose first column is true while the task may start batches. */
    sql: z.string().min(1).max(10_000),
  }),
]);
export type GateRequest = z.infer<typeof healthGate>;
