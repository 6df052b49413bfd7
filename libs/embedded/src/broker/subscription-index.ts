import type { Subscription } from './subscription.ts';

/** Who gets a message: each of the plain subscriptions, and one member of each group. */
export interface Recipients {
  readonly plain: readonly Subscription[];
  readonly groups: readonly (readonly Subscription[])[];
}

interface SubjectNode {
  readonly children: Map<string, SubjectNode>;
  readonly subscriptions: Set<Subscription>;
}

/**
 * Replies go to subjects that are used once, so the cache fills with entries nobody asks for again; this many cost
 * about a megabyte, and the hot subjects are back after one match each.
 */
const maxCachedSubjects = 4_096;

/**
 * All subscriptions by subject: a tree with one level per token. A wildcard is a child named `*` or `>`, which makes a
 * message published to `a.*` match the subscription `a.*`, as it does in the real server.
 */
export class SubscriptionIndex {
  readonly #root: SubjectNode = { children: new Map(), subscriptions: new Set() };
  readonly #cache = new Map<string, Recipients>();
  #size = 0;

  get size(): number {
    return this.#size;
  }

  add(subscription: Subscription): void {
    let node = this.#root;
    for (const token of subscription.subject.split('.')) {
      let child = node.children.get(token);
      if (child === undefined) {
        child = { children: new Map(), subscriptions: new Set() };
        node.children.set(token, child);
      }
      node = child;
    }
    node.subscriptions.add(subscription);
    this.#size += 1;
    this.#cache.clear();
  }

  remove(subscription: Subscription): void {
    const path: (readonly [SubjectNode, string])[] = [];
    let node = this.#root;
    for (const token of subscription.subject.split('.')) {
      const child = node.children.get(token);
      if (child === undefined) return;
      path.push([node, token]);
      node = child;
    }
    if (!node.subscriptions.delete(subscription)) return;
    this.#size -= 1;
    this.#cache.clear();
    for (const [parent, token] of path.reverse()) {
      const child = parent.children.get(token);
      if (child === undefined || child.subscriptions.size > 0 || child.children.size > 0) return;
      parent.children.delete(token);
    }
  }

  match(subject: string): Recipients {
    const cached = this.#cache.get(subject);
    if (cached !== undefined) return cached;
    const found: Subscription[] = [];
    const tokens = subject.split('.');
    if (!tokens.includes('')) collect(this.#root, tokens, 0, found);
    const recipients = toRecipients(found);
    if (this.#cache.size >= maxCachedSubjects) this.#cache.clear();
    this.#cache.set(subject, recipients);
    return recipients;
  }
}

function collect(node: SubjectNode, tokens: readonly string[], depth: number, found: Subscription[]): void {
  const token = tokens[depth];
  if (token === undefined) {
    // One by one: a call takes no hundred thousand arguments.
    for (const subscription of node.subscriptions) found.push(subscription);
    return;
  }
  const rest = node.children.get('>');
  for (const subscription of rest?.subscriptions ?? []) found.push(subscription);
  const any = node.children.get('*');
  if (any !== undefined) collect(any, tokens, depth + 1, found);
  const exact = token === '*' || token === '>' ? undefined : node.children.get(token);
  if (exact !== undefined) collect(exact, tokens, depth + 1, found);
}

/** A group is its name, whatever the subjects its members subscribed to. */
function toRecipients(found: readonly Subscription[]): Recipients {
  const groups = new Map<string, Subscription[]>();
  for (const subscription of found) {
    if (subscription.queue === undefined) continue;
    const group = groups.get(subscription.queue);
    if (group === undefined) groups.set(subscription.queue, [subscription]);
    else group.push(subscription);
  }
  return { plain: found.filter(({ queue }) => queue === undefined), groups: [...groups.values()] };
}
