import { TaskTypeError } from '@longshore/sdk';
import { MAX_CONNECTION_NAME, MAX_CONNECTIONS } from '../channel/declared-connections.ts';
import type { RunConnections, RunSpec } from '../channel/messages.ts';
import type { Host } from '../parent/host.ts';
import type { LoadedType } from './load-task-type.ts';

/** No connection: before a run has got its own, and after it is over. */
export const NO_CONNECTIONS: RunConnections = { urls: {}, missing: [], known: [], gateUrls: {} };

/** What a run got. */
export interface Declared {
  readonly connections: RunConnections;
  /** Why the type could not say what it declares: thrown where a connection is asked for. Default: it could. */
  readonly failure?: { readonly thrown: unknown };
}

/** Answers for the runs of one message, which share their task. */
const answers = new WeakMap<RunSpec['task'], Promise<RunConnections>>();

/**
 * Tells the executor which connections the type declares for the task of a run, and answers what the run gets of them. For the first run of a
 * task in this runner, and the first after a change of its meta: later ones get theirs with their start. A hook that uses no connection
 * need not know that its type could not say.
 */
export async function askForConnections(run: RunSpec, loaded: LoadedType, host: Host): Promise<Declared> {
  try {
    let answer = answers.get(run.task);
    if (answer === undefined) {
      const names = declaredNames(run, loaded);
      const told = host.declare(run.runId, names);
      // Nothing is to be waited for.
      answer = names.length === 0 && run.kind !== 'gates' ? Promise.resolve(NO_CONNECTIONS) : told;
      told.catch(() => undefined);
      answers.set(run.task, answer);
    }
    return { connections: await answer };
  } catch (thrown) {
    return { connections: NO_CONNECTIONS, failure: { thrown } };
  }
}

/** @throws what the type's `connections` throws; {TaskTypeError} SUBTASK_FAILED when it answers no list of names. */
function declaredNames({ task }: RunSpec, { connectionsOf }: LoadedType): readonly string[] {
  const names: unknown = connectionsOf?.(task.meta) ?? [];
  if (isNames(names)) return names.map(String);
  throw new TaskTypeError('SUBTASK_FAILED', `connections of ${task.type} must answer a list of names of connections`);
}

function isNames(names: unknown): names is readonly string[] {
  return (
    Array.isArray(names) &&
    names.length <= MAX_CONNECTIONS &&
    names.every((name) => typeof name === 'string' && name.length <= MAX_CONNECTION_NAME)
  );
}
