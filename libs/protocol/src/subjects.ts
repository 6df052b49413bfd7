import type { NodeId, TaskId } from '@longshore/core';

/** Every subject starts with this; payloads only ever gain optional fields inside `v1`. */
export const SUBJECT_PREFIX = 'longshore.v1';

const CLUSTER = /^[A-Za-z0-9_-]{1,64}$/;

/** The subjects of one cluster. Clusters that share a NATS server don't hear each other. */
export interface Subjects {
  /** Requests of clients, answered by any owner (queue group `owner`): `api(method)`. */
  api(method: string): string;
  /** "A task may be able to continue": owners look now. */
  readonly wakeOwner: string;
  /** "Membership or load changed": the balancer looks now. */
  readonly wakeBalancer: string;
  /** "There may be work for you": the node looks now. */
  wakeNode(id: NodeId): string;
  /** A task was cancelled, paused or changed: the node looks at the tasks it runs. */
  controlNode(id: NodeId): string;
  /** State changes and progress of a task. */
  taskEvents(id: TaskId): string;
}

/**
 * @param cluster the cluster's name: letters, digits, `-` and `_`, at most 64.
 * @throws {RangeError} when the name would not fit into a subject.
 */
export function subjects(cluster: string): Subjects {
  if (!CLUSTER.test(cluster)) throw new RangeError(`not a cluster name: ${JSON.stringify(cluster)}`);
  const root = `${SUBJECT_PREFIX}.${cluster}`;
  return {
    api: (method) => `${root}.api.${method}`,
    wakeOwner: `${root}.wake.owner`,
    wakeBalancer: `${root}.wake.balancer`,
    wakeNode: (id) => `${root}.wake.node.${id}`,
    controlNode: (id) => `${root}.ctl.node.${id}`,
    taskEvents: (id) => `${root}.events.task.${id}`,
  };
}

/** The queue group in which owners answer requests. */
export const OWNER_QUEUE = 'owner';
