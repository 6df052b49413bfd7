import { LongshoreError } from '@longshore/core';
import { parseRequest, submitRequest, type SubmitRequest } from '@longshore/protocol';
import { activeTrace } from '../connection/active-trace.ts';
import type { CallOptions } from '../connection/client-options.ts';
import { refuseLargeMeta } from './meta-size.ts';
import type { NamedSubmit, TaskTypeRef, TypedSubmit } from './task-type-ref.ts';
import { traceSubmit } from './trace-submit.ts';
import { runWithin, type OpenTransaction } from './open-transaction.ts';

/** A task that is written with the transaction. */
export interface SubmittedTask {
  readonly id: string;
}

/** The text is the same each time, so that a driver may prepare it; `::text` because drivers differ in what they make of a bigint. */
const SUBMIT = 'SELECT longshore.submit_task($1, $2::jsonb, $3::jsonb)::text AS id';

/**
 * Submits a task within the caller's own Postgres transaction, in the database that holds the schema `longshore`: the task is there
 * when the transaction commits, and never was when it is rolled back. Needs no connection to the cluster.
 *
 * What can be checked without the task type is checked here. Its type, and the meta against the type's schema, are looked at by an owner
 * after the commit: what a submit through the API would have been refused for ends the task as `failed`, with the same code.
 *
 * @param transaction a `pg` client that has an open transaction (no pool), or a Kysely transaction. Whatever has `query(text, values)` or
 * `executeQuery(compiledQuery)` in their way will do.
 * @param request as `submit` takes it. With a `key` the same call again gives the newest run of the key, or with `again` starts the
 * next one if that has ended; a call that finds the key in another open transaction waits for its end. Give a `submitId` of your own where the
 * whole transaction may be tried again: it starts one run at most.
 * @throws {LongshoreError} ARGUMENT_INVALID naming the field, META_TOO_LARGE, or TASK_KEY_TAKEN when a task with other content has the
 * key. After TASK_KEY_TAKEN the transaction can only be rolled back, unless a savepoint was set; the first two mostly are thrown before
 * anything is sent.
 * @throws whatever the driver throws: with SQLSTATE 42501 when the role has no right to the function, 42883 or 3F000 when it isn't there.
 */
export function submitWithin<Type extends string>(
  transaction: OpenTransaction,
  request: NamedSubmit<Type>,
  options?: CallOptions,
): Promise<SubmittedTask>;
/** `submitWithin` for a type that its package exports for applications: the meta is typed by it. */
export function submitWithin<Meta>(
  transaction: OpenTransaction,
  type: TaskTypeRef<string, Meta>,
  request: TypedSubmit<Meta>,
  options?: CallOptions,
): Promise<SubmittedTask>;
export function submitWithin(
  transaction: OpenTransaction,
  first: NamedSubmit | TaskTypeRef,
  second: TypedSubmit | CallOptions = {},
  third?: CallOptions,
): Promise<SubmittedTask> {
  if ('meta' in second) return submitRequested(transaction, { ...second, type: first.type }, third);
  return submitRequested(transaction, first as NamedSubmit, second);
}

async function submitRequested(
  transaction: OpenTransaction,
  request: SubmitRequest,
  options: CallOptions = {},
): Promise<SubmittedTask> {
  const { type, meta, ...asked } = parseRequest(submitRequest.strict(), request);
  refuseLargeMeta(request);
  return traceSubmit(
    type,
    async () => {
      const trace = options.trace ?? activeTrace() ?? undefined;
      const values = [type, JSON.stringify(meta), JSON.stringify({ ...asked, trace })];
      return { id: idOf(await runWithin(transaction, SUBMIT, values).catch(refusal)) };
    },
    ({ id }) => id,
  );
}

function idOf(rows: readonly unknown[]): string {
  const id = (rows[0] as { readonly id?: unknown } | undefined)?.id;
  if (typeof id === 'string') return id;
  throw new LongshoreError(
    'INTERNAL',
    'longshore.submit_task answered no id; does the transaction return rows as { id }?',
  );
}

/** How the function's own errors begin. */
const REFUSAL = /^(ARGUMENT_INVALID|META_TOO_LARGE|TASK_KEY_TAKEN): (.+)$/s;

function refusal(thrown: unknown): never {
  const [, code, message] = (thrown instanceof Error ? REFUSAL.exec(thrown.message) : null) ?? [];
  if (code === undefined || message === undefined) throw thrown;
  throw new LongshoreError(code as 'ARGUMENT_INVALID' | 'META_TOO_LARGE' | 'TASK_KEY_TAKEN', message, {
    cause: thrown,
  });
}
