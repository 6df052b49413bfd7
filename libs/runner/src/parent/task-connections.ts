import { isDeepStrictEqual } from 'node:util';
import { LongshoreError } from '@longshore/core';
import { notDeclared } from '../channel/declared-connections.ts';
import type { RunConnections, RunSpec } from '../channel/messages.ts';

/** What an executor has, by name. */
export interface ConnectionUrls {
  readonly connections: Readonly<Record<string, string>>;
  /** What gates are read by: queries of users. */
  readonly gateConnections: Readonly<Record<string, string>>;
}

type Run = Pick<RunSpec, 'kind' | 'gates'> & { readonly task: Pick<RunSpec['task'], 'id' | 'type' | 'meta'> };

/**
 * Decides which connections a run of one runner gets: what the task type declared for the task's meta, once, before any hook of the task ran
 * in the runner. What the runner says later changes nothing.
 */
export class TaskConnections {
  readonly #urls: ConnectionUrls;
  readonly #declares: boolean;
  readonly #declared = new Map<string, { meta: unknown; readonly names: ReadonlySet<string> }>();

  /** @param declares whether the type declares connections at all. */
  constructor(urls: ConnectionUrls, declares: boolean) {
    this.#urls = urls;
    this.#declares = declares;
  }

  /** What a run gets with its start; null: the type was not asked yet for this meta. */
  of(run: Run): RunConnections | null {
    const names = this.#declares ? this.#namesOf(run) : NONE;
    return names === null ? null : this.#connectionsOf(run, names);
  }

  /**
   * Takes in what the type declares for the meta of a run's task.
   *
   * @throws {LongshoreError} CONNECTION_UNKNOWN when it is more than what it declared before.
   */
  declare(run: Run, names: readonly string[]): RunConnections {
    const known = this.#declares ? this.#namesOf(run) : NONE;
    const excess = known === null ? undefined : names.find((name) => !known.has(name));
    if (excess !== undefined) throw new LongshoreError('CONNECTION_UNKNOWN', notDeclared(run.task.type, excess));
    if (known === null) this.#declared.set(run.task.id, { meta: run.task.meta, names: new Set(names) });
    return this.#connectionsOf(run, known ?? new Set(names));
  }

  /** A task is over in this runner. */
  forget(taskId: string): void {
    this.#declared.delete(taskId);
  }

  #namesOf({ task }: Run): ReadonlySet<string> | null {
    const declared = this.#declared.get(task.id);
    if (declared === undefined) return null;
    if (declared.meta !== task.meta) {
      // Read again from the store, or changed.
      if (!isDeepStrictEqual(declared.meta, task.meta)) return null;
      declared.meta = task.meta;
    }
    return declared.names;
  }

  #connectionsOf({ kind, gates }: Run, names: ReadonlySet<string>): RunConnections {
    const { connections, gateConnections } = this.#urls;
    const missing = [...names].filter((name) => !Object.hasOwn(connections, name));
    return {
      urls: pick(connections, names),
      missing,
      known: missing.length > 0 ? Object.keys(connections) : [],
      gateUrls: kind === 'gates' ? pick(gateConnections, new Set(gates.map(({ connection }) => connection))) : {},
    };
  }
}

const NONE: ReadonlySet<string> = new Set();

function pick(urls: Readonly<Record<string, string>>, names: ReadonlySet<string>): Record<string, string> {
  return Object.fromEntries(Object.entries(urls).filter(([name]) => names.has(name)));
}
