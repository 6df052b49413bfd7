import { z } from 'zod';

const instant = z.iso.datetime();

export const nodeView = z.object({
  id: z.string(),
  state: z.string(),
  epoch: z.int(),
  scope: z.string(),
  labels: z.record(z.string(), z.string()).optional(),
  slots: z.int(),
  types: z.array(z.object({ type: z.string(), version: z.string() })),
  host: z.string(),
  pid: z.int(),
  startedAt: instant,
  /** When its lease ends unless it is renewed. */
  leaseExpiresAt: instant,
  /** Subtasks that use slots of it now. */
  running: z.int(),
  /** Subtasks that wait for it, also those that it has claimed ahead. */
  pending: z.int(),
  /** Hooks that it runs: they use no slots. Absent: the owner counts them, and what is claimed ahead, as running. */
  hooks: z.int().optional(),
});
export type NodeView = z.infer<typeof nodeView>;

export const nodesRequest = z.object({});
export const nodesReply = z.object({ nodes: z.array(nodeView) });
export type NodesReply = z.infer<typeof nodesReply>;

export const typeView = z.object({
  type: z.string(),
  version: z.string(),
  description: z.string(),
  contract: z.int(),
  steps: z.array(z.string()),
  hooks: z.array(z.string()),
  defaults: z.record(z.string(), z.unknown()),
  schema: z.record(z.string(), z.unknown()),
  /** Live nodes that offer it now. */
  nodes: z.array(z.string()),
});
export type TypeView = z.infer<typeof typeView>;

export const typesRequest = z.object({ type: z.string().max(64).optional() });
export const typesReply = z.object({ types: z.array(typeView) });
export type TypesReply = z.infer<typeof typesReply>;
